//! Which type of payload may go to which kind of recipient: the table of the protocol, as a table.

use crate::code::SysCode;
use crate::party::{Recipient, RecipientRef};
use crate::payload_type::PayloadType;

/// What becomes of a valid payload of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// The server answers with a PONG.
    AnswerPong,
    /// The server takes it and answers nothing.
    Take,
    /// The server carries out the command.
    Execute,
    /// It is passed on to every connection of one user, and to the sender's other connections.
    ToUser,
    /// It is passed on to all other members of a group.
    ToGroup,
    /// It is passed on to every other connection.
    ToEveryone,
    /// The payload goes nowhere; the sender receives this code.
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

/// One row per recipient, one column per type in the order PING, PONG, MSG, CMD, SYS (protocol, "Routing").
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

/// Looks up the table of the protocol.
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
    /// The row of the routing table, or none before authentication.
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
    /// The row of the routing table, or none before authentication.
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
