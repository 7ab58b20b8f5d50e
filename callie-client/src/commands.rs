//! The commands of the protocol, one method each, and the ping. What each does and who may use it, the protocol says
//! ("Commands"); a refusal carries the server's code, such as `FORBIDDEN` or `GROUP_NOT_FOUND`.

use std::time::Duration;

use callie_core::account::SessionList;
use callie_core::command::{
    BlockedList, Command, Conversation, Cursor, DirectMessages, DisplayName, Empty, GroupCreated,
    GroupDetails, GroupList, GroupName, MessageText, PageLimit, PresenceAudience, PresenceMap, Profile,
    RemovalReason, Role, ServerStats, Settings, SignalData, SignalKind, Visibility,
};
use callie_core::session::{Ending, Failure};
use callie_core::{
    CodeName, CommandCall, Content, GroupId, JsonObject, MessageId, Recipient, SessionId, SysCode, Timestamp,
    Username,
};
use serde::de::DeserializeOwned;

use crate::error::{Fault, RequestError, SendError, code};
use crate::handle::{Client, is_no_reserved_name};
use crate::ticket::Slot;

/// The result of a command that gave none.
const EMPTY: &str = "{}";

impl Client {
    /// Asks the server (`SERVER`) or a user for a sign of life, and tells how long it took.
    ///
    /// # Errors
    /// [`RequestError`]; refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
    pub async fn ping(&self, to: &str) -> Result<Duration, RequestError> {
        let to = Recipient::parse(to)
            .map_err(|e| RequestError::InvalidArgument(Fault::argument("the recipient", e)))?;
        if let Recipient::User(name) = &to {
            is_no_reserved_name(name).map_err(RequestError::InvalidArgument)?;
        }
        let (_, slot) = self.submit(None, |session, now| session.ping(now, to))?;
        match self.answer(&slot).await? {
            Ending::Pong { round_trip } => Ok(round_trip),
            other => Err(self.unanswered(other)),
        }
    }

    /// Carries out a command by name; parameters and result are JSON objects. It need not be one that this version knows.
    ///
    /// # Errors
    /// [`RequestError`]; refused with the server's code, such as `UNKNOWN_COMMAND` or `INVALID_PARAMETERS`.
    pub async fn command(&self, name: &str, parameters: &str) -> Result<String, RequestError> {
        let invalid =
            |name, e: &dyn std::fmt::Display| RequestError::InvalidArgument(Fault::argument(name, e));
        let name = CodeName::parse(name).map_err(|e| invalid("the command", &e))?;
        let parameters = JsonObject::parse(parameters)
            .map_err(|e| RequestError::InvalidArgument(Fault::argument("the parameters", e)))?;
        let call = CommandCall::new(name, parameters);
        let (_, slot) = self.submit(None, |session, now| session.call(now, call))?;
        Ok(self.result(&slot).await?.unwrap_or_else(|| EMPTY.to_owned()))
    }

    /// Carries out a command; its result is one of the types in [`callie_core::command`], or
    /// [`Empty`](callie_core::command::Empty).
    ///
    /// # Errors
    /// [`RequestError`]; [`RESULT_LOST`](code::RESULT_LOST) when it was carried out but its result is not known.
    pub async fn execute<T: DeserializeOwned>(&self, command: &Command) -> Result<T, RequestError> {
        self.request(command).await?.read().map(|(result, _)| result)
    }

    /// Carries out a command and returns its result unread. All commands share this one future.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn request(&self, command: &Command) -> Result<Reply, RequestError> {
        self.check(command)?;
        let (_, slot) = self.submit(None, |session, now| session.command(now, command))?;
        self.result(&slot).await.map(Reply)
    }

    /// Judges the parameters as the server would, such as how many names a list may hold.
    fn check(&self, command: &Command) -> Result<(), RequestError> {
        let Content::Cmd(call) = command.to_content() else { return Ok(()) };
        let Err(fault) = Command::read(call.command().as_str(), call.parameters().as_str(), &self.limits())
        else {
            return Ok(());
        };
        let path = fault.path();
        let parameter = path.strip_prefix("/content/parameters/").unwrap_or(&path);
        let reason = format!("the parameter {parameter} {}", fault.reason());
        Err(RequestError::InvalidArgument(Fault::new(code::INVALID_ARGUMENT, reason)))
    }

    async fn result(&self, slot: &Slot<Ending>) -> Result<Option<String>, RequestError> {
        match self.answer(slot).await? {
            Ending::Done { result } => Ok(result),
            Ending::Sent => Ok(None),
            other => Err(self.unanswered(other)),
        }
    }

    async fn answer(&self, slot: &Slot<Ending>) -> Result<Ending, RequestError> {
        match slot.get().await {
            Ending::Failed(Failure::Refused { code, description, path }) => {
                let at = if path.is_empty() { path } else { format!(" (at {path})") };
                Err(RequestError::Refused(Fault::new(code.to_string(), format!("{description}{at}"))))
            }
            Ending::Offline => {
                let code = SysCode::RecipientOffline;
                Err(RequestError::Refused(Fault::new(code.as_str(), code.description())))
            }
            ending => Ok(ending),
        }
    }

    /// Why there is no answer.
    fn unanswered(&self, ending: Ending) -> RequestError {
        let has_ended = self.shared.core().end.is_some();
        let queued = self.shared.queue.fill();
        match ending {
            _ if has_ended => RequestError::Closed(self.end_fault()),
            // The answer may be behind them.
            Ending::Unconfirmed | Ending::Failed(_) if queued.is_full => {
                RequestError::QueueFull(Fault::untaken(queued.events))
            }
            Ending::Failed(_) => {
                RequestError::TimedOut(Fault::new(code::TIMED_OUT, "it could not be sent in time"))
            }
            Ending::Unconfirmed => RequestError::TimedOut(Fault::new(
                code::TIMED_OUT,
                "there was no answer in time; it may or may not have been carried out",
            )),
            other => RequestError::BadAnswer(Fault::bad_answer(format_args!("{other:?}"))),
        }
    }

    /// Says something fleeting, such as that one is typing. It is taken at once; nothing tells that it arrived.
    ///
    /// # Errors
    /// [`SendError`]
    pub fn signal(
        &self,
        recipient: Conversation,
        kind: SignalKind,
        data: Option<SignalData>,
    ) -> Result<(), SendError> {
        let command = Command::Signal { recipient, kind, data };
        self.submit(None, |session, now| session.command(now, &command)).map(drop)
    }
}

/// The result of a command that was carried out, not read yet.
#[derive(Debug)]
pub struct Reply(Option<String>);

impl Reply {
    /// Reads the result as a `T`; the second value is the JSON object that it was read from.
    ///
    /// # Errors
    /// [`RequestError::BadAnswer`] when it is no `T`, with the code [`RESULT_LOST`](code::RESULT_LOST) when it was lost with
    /// a connection.
    pub fn read<T: DeserializeOwned>(self) -> Result<(T, String), RequestError> {
        let told = self.0.is_some();
        let json = self.0.unwrap_or_else(|| EMPTY.to_owned());
        match serde_json::from_str(&json) {
            Ok(result) => Ok((result, json)),
            Err(e) if told => Err(RequestError::BadAnswer(Fault::bad_answer(e))),
            Err(_) => Err(RequestError::BadAnswer(Fault::new(
                code::RESULT_LOST,
                "it was carried out, but the result was lost with a connection",
            ))),
        }
    }
}

/// Writes a method for each command: it takes the parameters and gives the result.
macro_rules! commands {
    ($($(#[$doc:meta])* $method:ident($($parameter:ident: $type:ty),*) -> $result:ty = $variant:ident;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// [`RequestError`]
                pub async fn $method(&self, $($parameter: $type),*) -> Result<$result, RequestError> {
                    self.execute(&Command::$variant { $($parameter),* }).await
                }
            )*
        }
    };
}

commands! {
    /// Makes a group of this user and `members`.
    create_group(name: GroupName, members: Vec<Username>, visibility: Visibility) -> GroupCreated = CreateGroup;
    /// Enters a public group.
    join_group(group_id: GroupId) -> Empty = JoinGroup;
    /// Leaves a group; the last to leave deletes it.
    leave_group(group_id: GroupId) -> Empty = LeaveGroup;
    /// Brings a user into a group.
    add_member(group_id: GroupId, username: Username) -> Empty = AddMember;
    /// Takes a user out of a group.
    remove_member(group_id: GroupId, username: Username) -> Empty = RemoveMember;
    /// Gives a member another role; a new owner makes the old one an admin.
    set_role(group_id: GroupId, username: Username, role: Role) -> Empty = SetRole;
    /// Gives a group another name.
    rename_group(group_id: GroupId, name: GroupName) -> Empty = RenameGroup;
    /// Ends a group.
    delete_group(group_id: GroupId) -> Empty = DeleteGroup;
    /// One page of the groups that this user is in.
    list_groups(limit: PageLimit, after: Option<Cursor>) -> GroupList = ListGroups;
    /// One page of the groups that anyone can join, without roles.
    list_public_groups(limit: PageLimit, after: Option<Cursor>) -> GroupList = ListPublicGroups;
    /// A group, with one page of its members.
    get_group(group_id: GroupId, limit: PageLimit, after: Option<Cursor>) -> GroupDetails = GetGroup;
    /// Tells those who have a message to drop it; `sender` is its author, where that is not this user.
    delete_message(recipient: Conversation, message_id: MessageId, sender: Option<Username>) -> Empty = DeleteMessage;
    /// Tells those who have a message of this user its new text.
    edit_message(recipient: Conversation, message_id: MessageId, text: MessageText) -> Empty = EditMessage;
    /// Who is online.
    get_presence(usernames: Vec<Username>) -> PresenceMap = GetPresence;
    /// Who is online, and to be told of changes.
    subscribe_presence(usernames: Vec<Username>) -> PresenceMap = SubscribePresence;
    /// Not to be told any more.
    unsubscribe_presence(usernames: Vec<Username>) -> Empty = UnsubscribePresence;
    /// What a user tells of themselves.
    get_profile(username: Username) -> Profile = GetProfile;
    /// This user's settings.
    get_settings() -> Settings = GetSettings;
    /// Changes those of this user's settings that are given.
    update_settings(
        display_name: Option<DisplayName>, presence: Option<PresenceAudience>, direct_messages: Option<DirectMessages>
    ) -> Settings = UpdateSettings;
    /// Stops all direct traffic with a user, both ways.
    block_user(username: Username) -> Empty = BlockUser;
    /// Allows it again.
    unblock_user(username: Username) -> Empty = UnblockUser;
    /// One page of those whom this user blocked.
    list_blocked(limit: PageLimit, after: Option<Cursor>) -> BlockedList = ListBlocked;
    /// This user's sessions, over the socket.
    list_sessions() -> SessionList = ListSessions;
    /// Ends one of this user's sessions.
    revoke_session(session_id: SessionId) -> Empty = RevokeSession;
    /// Ends a user's connections, as an admin of the server.
    kick_user(username: Username, reason: Option<RemovalReason>) -> Empty = KickUser;
    /// Ends a user's sessions and takes no new ones, as an admin of the server.
    ban_user(username: Username, reason: Option<RemovalReason>, until: Option<Timestamp>) -> Empty = BanUser;
    /// Takes a ban back, as an admin of the server.
    unban_user(username: Username) -> Empty = UnbanUser;
    /// Speaks to everyone online, as an admin of the server.
    announce(text: MessageText) -> Empty = Announce;
    /// The server's figures, for an admin of it.
    server_stats() -> ServerStats = ServerStats;
}
