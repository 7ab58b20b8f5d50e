//! The table of commands as data, for programs that generate code or documentation from it.

use super::known::{Command, Permission};
use super::negotiation::{ClientInfo, FeatureName, ResumeRequest, TextCount};
use super::values::{
    AckEntry, Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit,
    PresenceAudience, RemovalReason, Role, SignalData, SignalKind, Visibility,
};
use super::{BlockedPage, Empty, Group, GroupDetails, GroupPage, PresenceMap, Profile, Settings};
use crate::account::SessionList;
use crate::command;
use crate::name::{GroupId, MessageId, SessionId, Username};
use crate::timestamp::Timestamp;

/// A row of the table of commands.
///
/// ```
/// use callie_core::command::{Command, ParameterType, ResultType};
///
/// let spec = Command::SPECS.iter().find(|spec| spec.name == "GET_PROFILE").unwrap();
/// assert_eq!(spec.result, Some(ResultType::Profile));
/// let [username] = spec.parameters else { unreachable!() };
/// assert_eq!((username.name, username.ty), ("username", ParameterType::Username));
/// assert!(!username.is_optional);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandSpec {
    /// The command's name in a payload, such as `CREATE_GROUP`.
    pub name: &'static str,
    /// The variant of [`Command`](super::Command), such as `CreateGroup`.
    pub variant: &'static str,
    /// What the command does, in Markdown. The first paragraph is one sentence. A last paragraph "Refused with …" lists
    /// codes with which the server refuses this command in particular. Each line begins with a space.
    pub documentation: &'static str,
    /// Who may use it.
    pub permission: Permission,
    /// The parameters, in the order of the protocol.
    pub parameters: &'static [ParameterSpec],
    /// The type of the result in `COMMAND_OK`; none if the answer has no result, or if there is no answer.
    pub result: Option<ResultType>,
}

/// One parameter of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParameterSpec {
    /// The parameter's name in a payload, such as `groupID`.
    pub name: &'static str,
    /// The field of the variant of [`Command`](super::Command), such as `group_id`.
    pub field: &'static str,
    /// What the parameter means, in Markdown. Each line begins with a space.
    pub documentation: &'static str,
    /// Its type.
    pub ty: ParameterType,
    /// Whether it is optional.
    pub is_optional: bool,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParameterType {
    /// A list of [`AckEntry`](super::AckEntry).
    AckEntries,
    /// A [`ClientInfo`](super::ClientInfo).
    ClientInfo,
    /// A [`Conversation`](super::Conversation).
    Conversation,
    /// A [`Cursor`](super::Cursor).
    Cursor,
    /// A [`DirectMessages`](super::DirectMessages).
    DirectMessages,
    /// A [`DisplayName`](super::DisplayName).
    DisplayName,
    /// A list of [`FeatureName`](super::FeatureName)s.
    FeatureNames,
    /// A [`GroupId`](crate::GroupId).
    GroupId,
    /// A [`GroupName`](super::GroupName).
    GroupName,
    /// A [`MessageId`](crate::MessageId).
    MessageId,
    /// A [`MessageText`](super::MessageText).
    MessageText,
    /// A [`PageLimit`](super::PageLimit).
    PageLimit,
    /// A [`PresenceAudience`](super::PresenceAudience).
    PresenceAudience,
    /// A [`RemovalReason`](super::RemovalReason).
    RemovalReason,
    /// A [`ResumeRequest`](super::ResumeRequest).
    ResumeRequest,
    /// A [`Role`](super::Role).
    Role,
    /// A [`SessionId`](crate::SessionId).
    SessionId,
    /// A [`SignalData`](super::SignalData).
    SignalData,
    /// A [`SignalKind`](super::SignalKind).
    SignalKind,
    /// A [`TextCount`](super::TextCount).
    TextCount,
    /// A [`Timestamp`](crate::Timestamp).
    Timestamp,
    /// A [`Username`](crate::Username).
    Username,
    /// A list of [`Username`](crate::Username)s.
    Usernames,
    /// A [`Visibility`](super::Visibility).
    Visibility,
}

/// The type of a command's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResultType {
    /// [`Empty`](super::Empty).
    Empty,
    /// [`BlockedPage`](super::BlockedPage).
    BlockedPage,
    /// [`Group`](super::Group).
    Group,
    /// [`GroupDetails`](super::GroupDetails).
    GroupDetails,
    /// [`GroupPage`](super::GroupPage).
    GroupPage,
    /// [`PresenceMap`](super::PresenceMap).
    PresenceMap,
    /// [`Profile`](super::Profile).
    Profile,
    /// [`ServerStats`](super::ServerStats).
    ServerStats,
    /// [`SessionList`](crate::account::SessionList).
    SessionList,
    /// [`Settings`](super::Settings).
    Settings,
}

/// A Rust type that the table names.
trait Typed<T> {
    /// Its name as data.
    const TYPE: T;
}

macro_rules! typed {
    ($($kind:ident { $($variant:ident: $type:ty,)* })*) => {$($(
        impl Typed<$kind> for $type {
            const TYPE: $kind = $kind::$variant;
        }
    )*)*};
}

typed! {
    ParameterType {
        AckEntries: Vec<AckEntry>,
        ClientInfo: ClientInfo,
        Conversation: Conversation,
        Cursor: Cursor,
        DirectMessages: DirectMessages,
        DisplayName: DisplayName,
        FeatureNames: Vec<FeatureName>,
        GroupId: GroupId,
        GroupName: GroupName,
        MessageId: MessageId,
        MessageText: MessageText,
        PageLimit: PageLimit,
        PresenceAudience: PresenceAudience,
        RemovalReason: RemovalReason,
        ResumeRequest: ResumeRequest,
        Role: Role,
        SessionId: SessionId,
        SignalData: SignalData,
        SignalKind: SignalKind,
        TextCount: TextCount,
        Timestamp: Timestamp,
        Username: Username,
        Usernames: Vec<Username>,
        Visibility: Visibility,
    }
    ResultType {
        Empty: Empty,
        BlockedPage: BlockedPage,
        Group: Group,
        GroupDetails: GroupDetails,
        GroupPage: GroupPage,
        PresenceMap: PresenceMap,
        Profile: Profile,
        ServerStats: command::ServerStats,
        SessionList: SessionList,
        Settings: Settings,
    }
}

impl<T: Typed<ParameterType>> Typed<ParameterType> for Option<T> {
    const TYPE: ParameterType = T::TYPE;
}

macro_rules! specs {
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident $method:ident = $text:literal, $permission:ident $(-> $result:ty)?,
        {$($(#[doc = $field_doc:literal])* $field:ident: $type:ty = $name:literal by $reader:path,)*},
        {$($(#[doc = $opt_doc:literal])* $opt:ident: $opt_type:ty = $opt_name:literal by $opt_reader:path,)*}
    )*) => {
        impl Command {
            /// The table of commands as data, in the order of the protocol.
            pub const SPECS: &'static [CommandSpec] = &[$(CommandSpec {
                name: $text,
                variant: stringify!($variant),
                documentation: concat!($($doc, "\n"),*),
                permission: Permission::$permission,
                parameters: &[
                    $(ParameterSpec {
                        name: $name,
                        field: stringify!($field),
                        documentation: concat!($($field_doc, "\n"),*),
                        ty: <$type as Typed<ParameterType>>::TYPE,
                        is_optional: false,
                    },)*
                    $(ParameterSpec {
                        name: $opt_name,
                        field: stringify!($opt),
                        documentation: concat!($($opt_doc, "\n"),*),
                        ty: <$opt_type as Typed<ParameterType>>::TYPE,
                        is_optional: true,
                    },)*
                ],
                result: specs!(@result $($result)?),
            }),*];
        }
    };
    (@result) => { None };
    (@result $result:ty) => { Some(<$result as Typed<ResultType>>::TYPE) };
}

crate::command_table!(specs);

impl Permission {
    /// Returns a sentence with who may use a command, or `None` if every user may.
    #[must_use]
    pub const fn requirement(self) -> Option<&'static str> {
        match self {
            Self::Anyone => None,
            Self::Member => Some("Requires membership in the group."),
            Self::GroupAdmin => Some("Requires the role of admin or owner in the group."),
            Self::GroupOwner => Some("Requires the role of owner in the group."),
            Self::Author => Some("Requires authorship of the message."),
            Self::AuthorOrGroupAdmin => {
                Some("Requires authorship of the message or, in a group, the role of admin or owner.")
            }
            Self::ServerAdmin => Some("Requires the rights of a server administrator."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::SysCode;

    #[test]
    fn specs_agree_with_the_enum() {
        assert_eq!(Command::SPECS.iter().map(|spec| spec.name).collect::<Vec<_>>(), Command::NAMES);
        for spec in Command::SPECS {
            let names: Vec<_> = spec.parameters.iter().map(|parameter| parameter.name).collect();
            assert_eq!(Some(names.as_slice()), Command::parameters_of(spec.name), "{}", spec.name);
        }
    }

    #[test]
    fn documentation_is_made_of_sentences() {
        for spec in Command::SPECS {
            let all = spec.parameters.iter().map(|p| p.documentation).chain([spec.documentation]);
            for text in all {
                assert!(text.trim_end().ends_with('.'), "{}: {text}", spec.name);
            }
        }
    }

    #[test]
    fn refusals_are_codes_of_the_protocol() {
        for spec in Command::SPECS {
            let Some((_, codes)) = spec.documentation.split_once("\n Refused with ") else { continue };
            let codes: Vec<_> = codes.split('`').skip(1).step_by(2).collect();
            assert!(!codes.is_empty(), "{}", spec.name);
            for code in codes {
                assert!(SysCode::from_name(code).is_some(), "{}: {code}", spec.name);
            }
        }
    }
}
