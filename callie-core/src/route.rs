//! The routing table: which type of payload may be sent to which kind of recipient.

use crate::code::SysCode;
use crate::party::{Recipient, RecipientRef};
use crate::payload_type::PayloadType;

/// What a server does with a valid payload of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// The server answers with a PONG.
    AnswerPong,
    /// The server accepts it and does not answer.
    Take,
    /// The server executes the command.
    Execute,
    /// It is delivered to every connection of one user, and to the sender's other connections.
    ToUser,
    /// It is delivered to all other members of a group.
    ToGroup,
    /// It is delivered to every other connection.
    ToEveryone,
    /// It is refused with this code.
    Refuse(SysCode),
}

/// The kinds of [`Recipient`], the rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientKind {
    /// `SERVER`.
    Server,
    /// A user.
    User,
    /// A group.
    Group,
    /// `BROADCAST`.
    Broadcast,
}

/// One row for each recipient, with one column for each type in the order PING, PONG, MSG, CMD, SYS (protocol,
/// "Routing").
const TABLE: [(RecipientKind, [Route; 5]); 4] = {
    use Route::{AnswerPong, Execute, Refuse, Take, ToEveryone, ToGroup, ToUser};
    const INVALID: Route = Refuse(SysCode::InvalidRecipient);
    const FORBIDDEN: Route = Refuse(SysCode::Forbidden);
    [
        (RecipientKind::Server, [AnswerPong, Take, INVALID, Execute, FORBIDDEN]),
        (RecipientKind::User, [ToUser, ToUser, ToUser, INVALID, FORBIDDEN]),
        (RecipientKind::Group, [INVALID, INVALID, ToGroup, INVALID, FORBIDDEN]),
        (RecipientKind::Broadcast, [INVALID, INVALID, ToEveryone, INVALID, FORBIDDEN]),
    ]
};

/// Returns the entry of the routing table.
///
/// ```
/// use callie_core::{PayloadType, Recipient, Route, SysCode, route};
///
/// let group = Recipient::parse("group:01890a5d-ac96-774b-bcce-b302099a8057")?.kind().unwrap();
/// assert_eq!(route(PayloadType::Msg, group), Route::ToGroup);
/// assert_eq!(route(PayloadType::Cmd, group), Route::Refuse(SysCode::InvalidRecipient));
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[must_use]
pub const fn route(kind: PayloadType, recipient: RecipientKind) -> Route {
    let column = match kind {
        PayloadType::Ping => 0,
        PayloadType::Pong => 1,
        PayloadType::Msg => 2,
        PayloadType::Cmd => 3,
        PayloadType::Sys => 4,
    };
    TABLE[recipient as usize].1[column]
}

impl RecipientRef<'_> {
    /// Returns the row of the routing table, or `None` for `Unauthenticated`.
    #[must_use]
    pub const fn kind(&self) -> Option<RecipientKind> {
        match self {
            Self::Server => Some(RecipientKind::Server),
            Self::User(_) => Some(RecipientKind::User),
            Self::Group(_) => Some(RecipientKind::Group),
            Self::Broadcast => Some(RecipientKind::Broadcast),
            Self::Unauthenticated => None,
        }
    }
}

impl Recipient {
    /// Returns the row of the routing table, or `None` for `Unauthenticated`.
    #[must_use]
    pub const fn kind(&self) -> Option<RecipientKind> {
        match self {
            Self::Server => Some(RecipientKind::Server),
            Self::User(_) => Some(RecipientKind::User),
            Self::Group(_) => Some(RecipientKind::Group),
            Self::Broadcast => Some(RecipientKind::Broadcast),
            Self::Unauthenticated => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_their_kinds() {
        for (at, (kind, _)) in TABLE.iter().enumerate() {
            assert_eq!(*kind as usize, at);
        }
    }
}
