//! The table of commands that clients send to the server.

use super::parameter::{CommandFault, Members, Parameter, write_parameters};
use super::values::{
    AckEntry, Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit,
    PresenceAudience, RemovalReason, Role, SignalData, SignalKind, Visibility, first_members, or_default,
};
use crate::code::CodeName;
use crate::content::{CommandCall, Content};
use crate::limits::Limits;
use crate::name::{GroupId, MessageId, SessionId, Username};
use crate::timestamp::Timestamp;

/// Who may use a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Any user.
    Anyone,
    /// A member of the group.
    Member,
    /// An admin or the owner of the group.
    GroupAdmin,
    /// The owner of the group.
    GroupOwner,
    /// The author of the message.
    Author,
    /// The author of the message; for others' messages, an admin or the owner of the group.
    AuthorOrGroupAdmin,
    /// An admin of the server.
    ServerAdmin,
}

fn take<T: Parameter>(members: &mut Members<'_, '_>, name: &'static str) -> Result<T, CommandFault> {
    members.take(name)
}

macro_rules! commands {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $text:literal, $permission:ident, {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $name:literal by $reader:path,)*
        }
    )*) => {
        /// A command of the protocol, with its parameters.
        ///
        /// ```
        /// use callie_core::{Content, Limits};
        /// use callie_core::command::Command;
        ///
        /// let command = Command::read("LIST_GROUPS", r#"{"limit":20}"#, &Limits::default())?;
        /// let Command::ListGroups { limit, after: None } = &command else { unreachable!() };
        /// assert_eq!(limit.get(), 20);
        /// let Content::Cmd(call) = command.to_content() else { unreachable!() };
        /// assert_eq!(call.parameters().as_str(), r#"{"limit":20}"#);
        ///
        /// let fault = Command::read("LIST_GROUPS", r#"{"limit":201}"#, &Limits::default()).unwrap_err();
        /// assert_eq!(fault.path(), "/content/parameters/limit");
        /// # Ok::<(), callie_core::command::CommandFault>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Command {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type,)* },)*
        }

        impl Command {
            /// The names of all commands, in the order of the protocol.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The command's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $text,)* }
            }

            /// Who may use it.
            #[must_use]
            pub const fn permission(&self) -> Permission {
                match self { $(Self::$variant { .. } => Permission::$permission,)* }
            }

            /// The names of a command's parameters, in the order of the protocol, or none if there is no such command.
            #[must_use]
            pub fn parameters_of(name: &str) -> Option<&'static [&'static str]> {
                match name { $($text => Some(&[$($name),*]),)* _ => None }
            }

            /// Reads a command from its name and parameters, a JSON object that was checked as part of a frame.
            ///
            /// # Errors
            /// [`CommandFault`] when there is no such command, or for the first parameter that is missing, wrong or unknown.
            pub fn read(name: &str, parameters: &str, limits: &Limits) -> Result<Self, CommandFault> {
                match name {
                    $($text => {
                        #[allow(unused_mut, reason = "some commands take no parameters")]
                        let mut members = Members::of_command(parameters, limits)?;
                        $(let $field = $reader(&mut members, $name)?;)*
                        members.finish()?;
                        Ok(Self::$variant { $($field),* })
                    })*
                    _ => Err(CommandFault::unknown_command()),
                }
            }

            /// The content of the CMD payload that carries it.
            #[must_use]
            pub fn to_content(&self) -> Content {
                match self {
                    $(Self::$variant { $($field),* } => Content::Cmd(CommandCall::new(
                        CodeName::known($text),
                        write_parameters(&[$(($name, $field.write())),*]),
                    )),)*
                }
            }
        }
    };
}

commands! {
    /// Begins a connection; the answer is `AUTHENTICATED`.
    Authenticate = "AUTHENTICATE", Anyone, {}
    /// Confirms payloads that asked for it; there is no answer.
    Ack = "ACK", Anyone, {
        /// 1 to 256 of them.
        payloads: Vec<AckEntry> = "payloads" by take,
    }
    /// Makes a group, whose owner the sender is; the result is [`GroupCreated`](super::GroupCreated).
    CreateGroup = "CREATE_GROUP", Anyone, {
        /// The group's name.
        name: GroupName = "name" by take,
        /// Who is in it from the beginning, beside the sender.
        members: Vec<Username> = "members" by first_members,
        /// Who can find and join it.
        visibility: Visibility = "visibility" by or_default,
    }
    /// Enters a public group.
    JoinGroup = "JOIN_GROUP", Anyone, {
        /// The group.
        group_id: GroupId = "groupID" by take,
    }
    /// Leaves a group; the last to leave deletes it.
    LeaveGroup = "LEAVE_GROUP", Member, {
        /// The group.
        group_id: GroupId = "groupID" by take,
    }
    /// Brings a user into a group.
    AddMember = "ADD_MEMBER", GroupAdmin, {
        /// The group.
        group_id: GroupId = "groupID" by take,
        /// The user.
        username: Username = "username" by take,
    }
    /// Takes a user out of a group.
    RemoveMember = "REMOVE_MEMBER", GroupAdmin, {
        /// The group.
        group_id: GroupId = "groupID" by take,
        /// The user.
        username: Username = "username" by take,
    }
    /// Gives a member another role; a new owner makes the old one an admin.
    SetRole = "SET_ROLE", GroupOwner, {
        /// The group.
        group_id: GroupId = "groupID" by take,
        /// The member.
        username: Username = "username" by take,
        /// The new role.
        role: Role = "role" by take,
    }
    /// Gives a group another name.
    RenameGroup = "RENAME_GROUP", GroupAdmin, {
        /// The group.
        group_id: GroupId = "groupID" by take,
        /// The new name.
        name: GroupName = "name" by take,
    }
    /// Ends a group.
    DeleteGroup = "DELETE_GROUP", GroupOwner, {
        /// The group.
        group_id: GroupId = "groupID" by take,
    }
    /// Lists the sender's groups; the result is [`GroupList`](super::GroupList).
    ListGroups = "LIST_GROUPS", Anyone, {
        /// The most entries wanted.
        limit: PageLimit = "limit" by or_default,
        /// The `next` of the page before.
        after: Option<Cursor> = "after" by take,
    }
    /// Lists the groups that anyone can join; the result is [`GroupList`](super::GroupList), without roles.
    ListPublicGroups = "LIST_PUBLIC_GROUPS", Anyone, {
        /// The most entries wanted.
        limit: PageLimit = "limit" by or_default,
        /// The `next` of the page before.
        after: Option<Cursor> = "after" by take,
    }
    /// Tells of a group and its members; the result is [`GroupDetails`](super::GroupDetails).
    GetGroup = "GET_GROUP", Member, {
        /// The group.
        group_id: GroupId = "groupID" by take,
        /// The most members wanted.
        limit: PageLimit = "limit" by or_default,
        /// The `next` of the page before.
        after: Option<Cursor> = "after" by take,
    }
    /// Tells those who have a message to drop it.
    DeleteMessage = "DELETE_MESSAGE", AuthorOrGroupAdmin, {
        /// Where the message went.
        recipient: Conversation = "recipient" by take,
        /// The message.
        message_id: MessageId = "messageID" by take,
        /// Its author, where that is not the sender.
        sender: Option<Username> = "sender" by take,
    }
    /// Tells those who have a message its new text.
    EditMessage = "EDIT_MESSAGE", Author, {
        /// Where the message went.
        recipient: Conversation = "recipient" by take,
        /// The message.
        message_id: MessageId = "messageID" by take,
        /// Its new text.
        text: MessageText = "text" by take,
    }
    /// Says something fleeting, such as that one is typing; there is no answer unless it is refused.
    Signal = "SIGNAL", Anyone, {
        /// To whom.
        recipient: Conversation = "recipient" by take,
        /// What it is about.
        kind: SignalKind = "kind" by take,
        /// What goes with it.
        data: Option<SignalData> = "data" by take,
    }
    /// Asks who is online; the result is [`PresenceMap`](super::PresenceMap).
    GetPresence = "GET_PRESENCE", Anyone, {
        /// 1 to 256 names.
        usernames: Vec<Username> = "usernames" by take,
    }
    /// Asks who is online and to be told of changes; the result is [`PresenceMap`](super::PresenceMap).
    SubscribePresence = "SUBSCRIBE_PRESENCE", Anyone, {
        /// 1 to 256 names.
        usernames: Vec<Username> = "usernames" by take,
    }
    /// Asks not to be told any more.
    UnsubscribePresence = "UNSUBSCRIBE_PRESENCE", Anyone, {
        /// 1 to 256 names.
        usernames: Vec<Username> = "usernames" by take,
    }
    /// Tells of a user; the result is [`Profile`](super::Profile).
    GetProfile = "GET_PROFILE", Anyone, {
        /// The user.
        username: Username = "username" by take,
    }
    /// Tells the sender's settings; the result is [`Settings`](super::Settings).
    GetSettings = "GET_SETTINGS", Anyone, {}
    /// Changes the sender's settings; the result is [`Settings`](super::Settings).
    UpdateSettings = "UPDATE_SETTINGS", Anyone, {
        /// What to be called.
        display_name: Option<DisplayName> = "displayName" by take,
        /// Who learns whether one is online.
        presence: Option<PresenceAudience> = "presence" by take,
        /// Who may write directly.
        direct_messages: Option<DirectMessages> = "directMessages" by take,
    }
    /// Stops all direct traffic with a user, both ways.
    BlockUser = "BLOCK_USER", Anyone, {
        /// The user.
        username: Username = "username" by take,
    }
    /// Allows it again.
    UnblockUser = "UNBLOCK_USER", Anyone, {
        /// The user.
        username: Username = "username" by take,
    }
    /// Lists whom the sender blocked; the result is [`BlockedList`](super::BlockedList).
    ListBlocked = "LIST_BLOCKED", Anyone, {
        /// The most entries wanted.
        limit: PageLimit = "limit" by or_default,
        /// The `next` of the page before.
        after: Option<Cursor> = "after" by take,
    }
    /// Lists the sender's sessions; the result is [`SessionList`](crate::account::SessionList).
    ListSessions = "LIST_SESSIONS", Anyone, {}
    /// Ends one of the sender's sessions.
    RevokeSession = "REVOKE_SESSION", Anyone, {
        /// The session.
        session_id: SessionId = "sessionID" by take,
    }
    /// Ends a user's connections.
    KickUser = "KICK_USER", ServerAdmin, {
        /// The user.
        username: Username = "username" by take,
        /// Why, for people.
        reason: Option<RemovalReason> = "reason" by take,
    }
    /// Ends a user's sessions and takes no new ones.
    BanUser = "BAN_USER", ServerAdmin, {
        /// The user.
        username: Username = "username" by take,
        /// Why, for people.
        reason: Option<RemovalReason> = "reason" by take,
        /// How long; for ever where it is left out.
        until: Option<Timestamp> = "until" by take,
    }
    /// Takes a ban back.
    UnbanUser = "UNBAN_USER", ServerAdmin, {
        /// The user.
        username: Username = "username" by take,
    }
    /// Speaks to everyone online.
    Announce = "ANNOUNCE", ServerAdmin, {
        /// What is said.
        text: MessageText = "text" by take,
    }
    /// Tells the server's figures; the result is [`ServerStats`](super::ServerStats).
    ServerStats = "SERVER_STATS", ServerAdmin, {}
}

impl Command {
    /// Whether carrying it out twice does nothing that once does not: those that only ask.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        matches!(
            self,
            Self::ListGroups { .. }
                | Self::ListPublicGroups { .. }
                | Self::GetGroup { .. }
                | Self::GetPresence { .. }
                | Self::GetProfile { .. }
                | Self::GetSettings {}
                | Self::ListBlocked { .. }
                | Self::ListSessions {}
                | Self::ServerStats {}
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_the_form_of_a_command() {
        for name in Command::NAMES {
            assert!(CodeName::is_valid(name), "{name}");
            assert!(Command::parameters_of(name).is_some());
        }
    }
}
