//! One type for each command, which names the type of its result.

use serde::de::DeserializeOwned;

use super::known::Command;
use super::negotiation::{ClientInfo, FeatureName, ResumeRequest, TextCount};
use super::result::{
    BlockedPage, Empty, Group, GroupDetails, GroupPage, GroupSummary, Member, PresenceMap, Profile, Settings,
};
use super::values::{
    AckEntry, Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit,
    PresenceAudience, RemovalReason, Role, SignalData, SignalKind, Visibility,
};
use crate::account::SessionList;
use crate::command;
use crate::name::{GroupId, MessageId, SessionId, Username};
use crate::timestamp::Timestamp;

/// The name of the command that authenticates a connection.
pub(crate) const AUTHENTICATE: &str = "AUTHENTICATE";
/// The name of the command that confirms payloads.
pub(crate) const ACK: &str = "ACK";

/// A command with the type of its result.
///
/// ```
/// use callie_core::command::{Command, CommandRequest, request::ListGroups};
///
/// let request = ListGroups::new();
/// let command: Command = request.into();
/// assert_eq!(command.name(), "LIST_GROUPS");
/// ```
pub trait CommandRequest: Into<Command> {
    /// The type of `result` in `COMMAND_OK`.
    type Response: DeserializeOwned + Send + 'static;
}

macro_rules! requests {
    ($(
        $(#[$doc:meta])*
        $variant:ident $method:ident = $text:literal, $permission:ident $(-> $result:ty)?,
        {$($(#[$field_doc:meta])* $field:ident: $type:ty = $name:literal by $reader:path,)*},
        {$($(#[$opt_doc:meta])* $opt:ident: $opt_type:ty = $opt_name:literal by $opt_reader:path,)*}
    )*) => {$(
        $(#[$doc])*
        ///
        #[doc = concat!("The command `", $text, "`.")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $variant {
            $($(#[$field_doc])* pub $field: $type,)*
            $($(#[$opt_doc])* pub $opt: $opt_type,)*
        }

        impl $variant {
            /// Creates the command with its required parameters. The others have their defaults.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "a command that takes no parameters is no default of anything")]
            pub fn new($($field: $type),*) -> Self {
                Self { $($field,)* $($opt: Default::default()),* }
            }

            $(
                $(#[$opt_doc])*
                #[must_use]
                pub fn $opt(mut self, $opt: impl Into<$opt_type>) -> Self {
                    self.$opt = $opt.into();
                    self
                }
            )*
        }

        impl From<$variant> for Command {
            fn from(request: $variant) -> Self {
                let $variant { $($field,)* $($opt),* } = request;
                Self::$variant { $($field,)* $($opt),* }
            }
        }

        $(impl CommandRequest for $variant {
            type Response = $result;
        })?
    )*};
}

crate::command_table!(requests);

/// A command whose result is one page of a list.
pub trait PagedRequest: CommandRequest + Clone + Send + 'static {
    /// An entry of the list.
    type Item: Send + 'static;

    /// Returns the same request for the page after `after`.
    #[must_use]
    fn starting_at(self, after: Cursor) -> Self;

    /// Returns the entries of a page, and the cursor of the next page unless this is the last one.
    fn split(page: Self::Response) -> (Vec<Self::Item>, Option<Cursor>);
}

macro_rules! paged {
    ($($request:ident: $item:ty = $items:ident;)*) => {$(
        impl PagedRequest for $request {
            type Item = $item;

            fn starting_at(self, after: Cursor) -> Self {
                self.after(after)
            }

            fn split(page: Self::Response) -> (Vec<Self::Item>, Option<Cursor>) {
                (page.$items, page.next)
            }
        }
    )*};
}

paged! {
    ListGroups: GroupSummary = groups;
    ListPublicGroups: GroupSummary = groups;
    GetGroup: Member = members;
    ListBlocked: Username = usernames;
}
