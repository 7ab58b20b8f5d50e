//! Every code of a SYS payload, in one table, from which documentation and bindings are generated and tests are
//! derived.

use serde::{Deserialize, Serialize};

use crate::close::CloseCode;
use crate::convert::{NameError, parse_text};
use crate::name::text_type;

text_type!(
    /// The `code` of a SYS payload or the `command` of a CMD payload, known or not:
    /// an upper-case letter and up to 63 of `A-Z 0-9 _`.
    CodeName, is_code_name,
    "a name of upper-case letters, digits and '_', at most 64, the first a letter"
);

fn is_code_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes[0].is_ascii_uppercase()
        && bytes.iter().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

/// The category of a [`SysCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// A payload was refused as invalid, and had no effect.
    Invalid,
    /// A payload is valid, and was refused.
    Refused,
    /// The outcome of a payload.
    Outcome,
    /// An event that is not the answer to a payload.
    Event,
    /// The connection is about to be closed.
    Closing,
}

macro_rules! sys_codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $kind:ident, $description:literal, [$($field:literal),*] $(, closes $close:ident)?;)*) => {
        /// A code that the protocol defines for SYS payloads.
        ///
        /// ```
        /// use callie_core::{CloseCode, SysCode};
        ///
        /// let code = SysCode::from_name("KICKED").unwrap();
        /// assert_eq!(code.closes(), Some(CloseCode::Removed));
        /// assert_eq!(code.metadata(), ["reason?"]);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum SysCode {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl SysCode {
            /// All codes, in the order of the protocol.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name of the code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Returns the code named `text`, or `None`.
            #[must_use]
            pub fn from_name(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }

            /// Returns the category of the code.
            #[must_use]
            pub const fn kind(self) -> CodeKind {
                match self { $(Self::$variant => CodeKind::$kind,)* }
            }

            /// Returns the standard description, for people.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            /// Returns the members that its metadata may have. A trailing `?` marks an optional one.
            #[must_use]
            pub const fn metadata(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($field),*],)* }
            }

            /// Returns the close code that always follows it, if there is one.
            #[must_use]
            pub const fn closes(self) -> Option<CloseCode> {
                match self { $(Self::$variant => sys_codes!(@close $($close)?),)* }
            }
        }
    };
    (@close) => { None };
    (@close $close:ident) => { Some(CloseCode::$close) };
}

sys_codes! {
    /// The text is not JSON, not an object, or nested too deep.
    InvalidJson = "INVALID_JSON", Invalid, "the payload is not a JSON object", ["inReplyTo?", "path"];
    /// A required field is absent.
    MissingField = "MISSING_FIELD", Invalid, "a required field is missing", ["inReplyTo?", "path"];
    /// A field that the protocol does not know.
    UnknownField = "UNKNOWN_FIELD", Invalid, "the field is not part of the protocol", ["inReplyTo?", "path"];
    /// A repeated key.
    DuplicateField = "DUPLICATE_FIELD", Invalid, "the field is given twice", ["inReplyTo?", "path"];
    /// A field of the wrong JSON type, form, length, depth or value.
    InvalidField = "INVALID_FIELD", Invalid, "the field has a wrong value", ["inReplyTo?", "path"];
    /// A `type` other than the five types.
    UnsupportedType = "UNSUPPORTED_TYPE", Invalid, "the type must be PING, PONG, MSG, SYS or CMD", ["inReplyTo?", "path"];
    /// A `payloadVersion` other than 1.0.
    UnsupportedVersion = "UNSUPPORTED_VERSION", Invalid, "the payload version must be 1.0", ["inReplyTo?", "path"];
    /// A binary WebSocket message.
    UnsupportedFrame = "UNSUPPORTED_FRAME", Invalid, "send payloads as text messages, not binary ones", [], closes UnsupportedFrame;
    /// A payload over the server's limit.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", Invalid, "the payload is larger than the server takes", [], closes PayloadTooLarge;
    /// Another token than the connection's.
    InvalidToken = "INVALID_TOKEN", Invalid, "the token is not the one this connection authenticated with", ["inReplyTo", "command?"];
    /// Another sender than the connection's user.
    SenderMismatch = "SENDER_MISMATCH", Invalid, "the sender is not the user this connection authenticated as", ["inReplyTo", "command?"];

    /// The connection is authenticated.
    Authenticated = "AUTHENTICATED", Outcome, "welcome", ["inReplyTo", "command?", "username", "sessionID", "expiresAt", "heartbeatSeconds", "limits", "features?", "connectionID?", "resumeSeconds?", "resumed?"];
    /// The first payload did not authenticate the connection.
    AuthFailed = "AUTH_FAILED", Closing, "the login is not valid: it has ended, or it is another user's; log in again", ["inReplyTo?", "command?", "path?"], closes Authentication;
    /// No first payload came in time.
    AuthTimeout = "AUTH_TIMEOUT", Closing, "no payload came in time to authenticate the connection", [], closes Authentication;
    /// The session has expired.
    SessionExpired = "SESSION_EXPIRED", Closing, "the session has expired; log in again", [], closes Authentication;
    /// The session was revoked.
    SessionRevoked = "SESSION_REVOKED", Closing, "the session was ended; log in again", [], closes Authentication;

    /// A type that this kind of recipient cannot receive.
    InvalidRecipient = "INVALID_RECIPIENT", Refused, "a payload of this type cannot go to that recipient", ["inReplyTo", "command?"];
    /// The sender may not do this.
    Forbidden = "FORBIDDEN", Refused, "you may not do this", ["inReplyTo", "command?"];
    /// The recipient is not connected; the payload was discarded.
    RecipientOffline = "RECIPIENT_OFFLINE", Refused, "the recipient is offline; the payload was discarded", ["inReplyTo", "messageID?", "command?"];
    /// The user or group does not exist.
    RecipientUnknown = "RECIPIENT_UNKNOWN", Refused, "there is no such recipient", ["inReplyTo", "messageID?", "command?"];
    /// The sender is not a member of the group.
    NotAMember = "NOT_A_MEMBER", Refused, "you are not a member of that group", ["inReplyTo", "messageID?", "command?"];
    /// A group message did not reach all members.
    PartiallyDelivered = "PARTIALLY_DELIVERED", Outcome, "some members are offline and did not get the message", ["inReplyTo", "messageID", "delivered", "offline", "offlineCount", "stored?"];
    /// A duplicate of an earlier payload.
    DuplicatePayload = "DUPLICATE_PAYLOAD", Outcome, "this payload was taken already and is not acted on again", ["inReplyTo", "messageID?", "command?", "outcome"];
    /// Too many payloads.
    RateLimited = "RATE_LIMITED", Refused, "too many payloads; the rest is dropped", ["inReplyTo?", "command?", "retryAfterMs", "dropped?", "droppedCount?"];
    /// The recipient's client confirmed the message.
    Delivered = "DELIVERED", Outcome, "the message was delivered", ["inReplyTo", "messageID", "delivered?", "unconfirmed?", "offlineCount?", "stored?", "late?"];
    /// The message was sent and not confirmed.
    DeliveryUnconfirmed = "DELIVERY_UNCONFIRMED", Outcome, "the message may or may not have arrived", ["inReplyTo", "messageID?", "command?", "delivered?", "unconfirmed?", "offlineCount?", "stored?"];
    /// The recipient is not connected; the server keeps the message until it is delivered.
    Stored = "STORED", Outcome, "the recipient is offline; the message is kept and will be delivered later", ["inReplyTo", "messageID", "stored?", "offlineCount?"];

    /// The connection was silent for too long.
    HeartbeatMissed = "HEARTBEAT_MISSED", Closing, "nothing came on this connection for too long", [], closes HeartbeatMissed;
    /// The client does not read its connection.
    SlowConsumer = "SLOW_CONSUMER", Closing, "this connection reads too slowly", [], closes SlowConsumer;
    /// Too many invalid payloads.
    TooManyInvalid = "TOO_MANY_INVALID", Closing, "too many invalid payloads", [], closes TooManyInvalid;
    /// A server admin ended the connection.
    Kicked = "KICKED", Closing, "a server admin ended this connection", ["reason?"], closes Removed;
    /// A server admin banned the user.
    Banned = "BANNED", Closing, "a server admin banned this user", ["reason?", "until?"], closes Removed;
    /// The server is shutting down.
    ServerShutdown = "SERVER_SHUTDOWN", Closing, "the server is shutting down; come back later", ["retryAfterMs"], closes ShuttingDown;
    /// The server is overloaded.
    Overloaded = "OVERLOADED", Closing, "the server has too many connections; come back later", ["retryAfterMs"], closes Overloaded;

    /// A command was carried out.
    CommandOk = "COMMAND_OK", Outcome, "done", ["inReplyTo", "command", "result"];
    /// Messages that were kept for this user follow.
    Backlog = "BACKLOG", Event, "messages that were kept for you follow", ["count", "oldest"];
    /// A user joined a group or came online.
    UserJoined = "USER_JOINED", Event, "a user joined", ["username", "groupID?"];
    /// A user left a group or went offline.
    UserLeft = "USER_LEFT", Event, "a user left", ["username", "groupID?"];
    /// A group's name, role or visibility changed.
    GroupUpdated = "GROUP_UPDATED", Event, "the group changed", ["groupID"];
    /// A group was deleted.
    GroupDeleted = "GROUP_DELETED", Event, "the group was deleted", ["groupID"];
    /// A text of a server admin to all users.
    Announcement = "ANNOUNCEMENT", Event, "", [];
    /// A command that the protocol does not know.
    UnknownCommand = "UNKNOWN_COMMAND", Refused, "there is no such command", ["inReplyTo", "command"];
    /// Invalid parameters of a command.
    InvalidParameters = "INVALID_PARAMETERS", Refused, "the command's parameters are wrong", ["inReplyTo", "command", "path"];
    /// The group does not exist, or is private and the sender is not a member.
    GroupNotFound = "GROUP_NOT_FOUND", Refused, "there is no such group", ["inReplyTo", "command"];
    /// The user does not exist.
    UserNotFound = "USER_NOT_FOUND", Refused, "there is no such user", ["inReplyTo", "command"];
    /// The session does not exist.
    SessionNotFound = "SESSION_NOT_FOUND", Refused, "there is no such session", ["inReplyTo", "command"];
    /// The requested state exists already, or conflicts with the current state.
    Conflict = "CONFLICT", Refused, "that is so already", ["inReplyTo", "command"];
    /// A limit of the server is reached.
    LimitReached = "LIMIT_REACHED", Refused, "a limit of the server is reached", ["inReplyTo", "command"];
    /// An internal error of the server.
    InternalError = "INTERNAL_ERROR", Refused, "the server could not do this; try again later", ["inReplyTo?", "messageID?", "command?"];
}

impl SysCode {
    /// Returns `true` if a payload that is answered with this code counts as invalid.
    #[must_use]
    pub const fn counts_as_invalid(self) -> bool {
        matches!(self.kind(), CodeKind::Invalid)
    }

    /// Returns `true` if an answer with this code to a MSG contains the message's ID.
    #[must_use]
    pub fn names_message(self) -> bool {
        self.metadata().iter().any(|member| matches!(*member, "messageID" | "messageID?"))
    }
}

impl std::fmt::Display for SysCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for SysCode {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl SysCode {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "a code of the protocol";

    fn parse(text: &str) -> Result<Self, NameError> {
        Self::from_name(text).ok_or(NameError { expected: Self::EXPECTED })
    }
}

parse_text!(SysCode);

impl From<SysCode> for CodeName {
    fn from(code: SysCode) -> Self {
        Self::known(code.as_str())
    }
}

impl CodeName {
    /// Creates a name from a checked payload, or from a table of this crate, whose names the tests check.
    pub(crate) fn known(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the code of the protocol with this name, or `None`.
    #[must_use]
    pub fn sys_code(&self) -> Option<SysCode> {
        SysCode::from_name(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_parses_back() {
        for &code in SysCode::ALL {
            assert!(CodeName::is_valid(code.as_str()), "{code}");
            assert_eq!(SysCode::from_name(code.as_str()), Some(code));
        }
    }

    #[test]
    fn code_names_have_the_documented_form() {
        for good in ["A", "ERROR123", "USER_JOINED", &"A".repeat(64)] {
            assert!(CodeName::is_valid(good), "{good}");
        }
        for bad in ["", "a", "1A", "_A", "A-B", "É", &"A".repeat(65)] {
            assert!(!CodeName::is_valid(bad), "{bad}");
        }
    }
}
