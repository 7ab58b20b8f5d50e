//! The commands that this version knows, as one enum.

use super::negotiation::{ClientInfo, FeatureName, ResumeRequest, TextCount, acknowledged};
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

macro_rules! known_commands {
    ($(
        $(#[$doc:meta])*
        $variant:ident $method:ident = $text:literal, $permission:ident $(-> $result:ty)?,
        {$($(#[$field_doc:meta])* $field:ident: $type:ty = $name:literal by $reader:path,)*},
        {$($(#[$opt_doc:meta])* $opt:ident: $opt_type:ty = $opt_name:literal by $opt_reader:path,)*}
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
            $($(#[$doc])* $variant {
                $($(#[$field_doc])* $field: $type,)*
                $($(#[$opt_doc])* $opt: $opt_type,)*
            },)*
        }

        impl Command {
            /// The names of all commands, in the order of the protocol.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// Returns the command's name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $text,)* }
            }

            /// Returns who may use the command.
            #[must_use]
            pub const fn permission(&self) -> Permission {
                match self { $(Self::$variant { .. } => Permission::$permission,)* }
            }

            /// Returns the names of a command's parameters, in the order of the protocol, or `None` for an unknown
            /// command.
            #[must_use]
            pub fn parameters_of(name: &str) -> Option<&'static [&'static str]> {
                match name { $($text => Some(&[$($name,)* $($opt_name),*]),)* _ => None }
            }

            /// Reads a command from its name and parameters, a JSON object that was checked as part of a payload.
            ///
            /// # Errors
            /// [`CommandFault`] when there is no such command, or for the first parameter that is missing, wrong or
            /// unknown.
            pub fn read(name: &str, parameters: &str, limits: &Limits) -> Result<Self, CommandFault> {
                match name {
                    $($text => {
                        #[allow(unused_mut, reason = "some commands take no parameters")]
                        let mut members = Members::of_command(parameters, limits)?;
                        $(let $field = $reader(&mut members, $name)?;)*
                        $(let $opt = $opt_reader(&mut members, $opt_name)?;)*
                        members.finish()?;
                        Ok(Self::$variant { $($field,)* $($opt),* })
                    })*
                    _ => Err(CommandFault::unknown_command()),
                }
            }

            /// Returns the command with its encoded parameters, as it is sent.
            // Inlined, so that a program that sends certain commands contains the encoding of those alone.
            #[must_use]
            #[inline(always)]
            pub fn to_call(&self) -> CommandCall {
                match self {
                    $(Self::$variant { $($field,)* $($opt),* } => CommandCall::new(
                        CodeName::known($text),
                        write_parameters(&[$(($name, $field.write()),)* $(($opt_name, $opt.write())),*]),
                    ),)*
                }
            }

            /// Returns the content of a CMD payload with this command.
            #[must_use]
            #[inline(always)]
            pub fn to_content(&self) -> Content {
                Content::Cmd(self.to_call())
            }
        }
    };
}

crate::command_table!(known_commands);

impl Command {
    /// Returns `true` if the command only reads, so that executing it twice has the same effect as once.
    #[must_use]
    pub fn is_repeatable(name: &str) -> bool {
        matches!(
            name,
            "LIST_GROUPS"
                | "LIST_PUBLIC_GROUPS"
                | "GET_GROUP"
                | "GET_PRESENCE"
                | "GET_PROFILE"
                | "GET_SETTINGS"
                | "LIST_BLOCKED"
                | "LIST_SESSIONS"
                | "SERVER_STATS"
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
