//! Accounts and sessions: the bodies of the HTTP calls, their rules and their errors (protocol, "Accounts and
//! sessions").
//!
//! ```
//! use callie_core::account::{AccountError, Problem, is_acceptable_password};
//!
//! assert!(!is_acceptable_password("short"));
//! let body = serde_json::to_string(&AccountError::WeakPassword.problem())?;
//! let problem: Problem = serde_json::from_str(&body)?;
//! assert_eq!(AccountError::from_problem(&problem), Some(AccountError::WeakPassword));
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::name::{SessionId, Username, text_type};
use crate::setters::with_setters;
use crate::timestamp::Timestamp;
use crate::token::Token;

/// The paths of the HTTP calls and of the WebSocket.
pub mod path {
    /// `POST`: [`Credentials`](super::Credentials) → 201 [`Registered`](super::Registered).
    pub const REGISTER: &str = "/api/v1/register";
    /// `POST`: [`LoginRequest`](super::LoginRequest) → 200 [`Login`](super::Login).
    pub const LOGIN: &str = "/api/v1/login";
    /// `POST`, bearer token → 204.
    pub const LOGOUT: &str = "/api/v1/logout";
    /// `POST`, bearer token: [`PasswordChange`](super::PasswordChange) → 204.
    pub const PASSWORD: &str = "/api/v1/password";
    /// `GET`, bearer token → 200 [`AccountData`](crate::account_data::AccountData); `DELETE`, bearer token:
    /// [`AccountDeletion`](super::AccountDeletion) → 204.
    pub const ACCOUNT: &str = "/api/v1/account";
    /// `GET`, bearer token → 200 [`SessionList`](super::SessionList); `DELETE` of one below it → 204.
    pub const SESSIONS: &str = "/api/v1/sessions";
    /// `GET`, with an upgrade to WebSocket.
    pub const SOCKET: &str = "/ws";
}

/// The WebSocket subprotocol that the server offers.
pub const SUBPROTOCOL: &str = "callie.1";
/// The media type of an error's body (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
/// The shortest password, in bytes.
pub const MIN_PASSWORD_BYTES: usize = 8;
/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1_024;
/// The longest name of a device, in bytes.
pub const MAX_DEVICE_BYTES: usize = 128;
/// The most sessions of one user. A further login ends the oldest one.
pub const MAX_SESSIONS: usize = 100;
/// How long a session lasts after its last use, in days.
pub const SESSION_DAYS: u32 = 30;
/// The number of random bits of a session token.
pub const TOKEN_BITS: usize = 256;

/// Valid names that cannot be registered.
const RESERVED: [&str; 6] = ["server", "broadcast", "admin", "system", "callie", "group"];

/// Returns `true` if `name` cannot be registered, so that no user can be mistaken for the server.
#[must_use]
pub fn is_reserved(name: &Username) -> bool {
    RESERVED.contains(&name.as_str())
}

text_type!(
    /// The name that a login gives its device: at most 128 bytes without control characters.
    DeviceName, is_device_name,
    "at most 128 bytes without control characters"
);

fn is_device_name(text: &str) -> bool {
    text.len() <= MAX_DEVICE_BYTES && !text.chars().any(char::is_control)
}

/// Returns `true` if `password` is acceptable: it has 8 to 1,024 bytes.
#[must_use]
pub fn is_acceptable_password(password: &str) -> bool {
    (MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES).contains(&password.len())
}

/// Returns the username of a registration, if the registration is acceptable apart from what a database knows.
///
/// # Errors
/// [`AccountError::InvalidUsername`], also for a reserved name; [`AccountError::WeakPassword`].
pub fn check_registration(username: &str, password: &str) -> Result<Username, AccountError> {
    let name = Username::parse(username).map_err(|_| AccountError::InvalidUsername)?;
    if is_reserved(&name) {
        return Err(AccountError::InvalidUsername);
    }
    if !is_acceptable_password(password) {
        return Err(AccountError::WeakPassword);
    }
    Ok(name)
}

/// The body of a registration. The name is a plain string, because the server answers an invalid name with a specific
/// code.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Credentials {
    /// The requested username.
    pub username: String,
    /// The password, in plain text.
    pub password: String,
    /// The token of an invitation. Servers that require none ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub invite: Option<String>,
}

impl Credentials {
    /// A registration without an invitation.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into(), invite: None }
    }
}

with_setters!(Credentials { with_invite: invite = Option<String> });

/// The answer to a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Registered {
    /// The new user.
    pub username: Username,
}

impl Registered {
    /// The user was registered.
    #[must_use]
    pub fn new(username: Username) -> Self {
        Self { username }
    }
}

/// The body of a login.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LoginRequest {
    /// The user's name.
    pub username: String,
    /// The password, in plain text.
    pub password: String,
    /// The name of this device in the list of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub device: Option<DeviceName>,
}

impl LoginRequest {
    /// A login of a device without a name.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into(), password: password.into(), device: None }
    }
}

with_setters!(LoginRequest { with_device: device = Option<DeviceName> });

/// Deserialises a member that may be absent, but not `null`.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// The answer to a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Login {
    /// The token, which every payload of the session must contain.
    pub token: Token,
    /// The user.
    pub username: Username,
    /// The public ID of the session.
    #[serde(rename = "sessionID")]
    pub session_id: SessionId,
    /// When the session ends if it is not used.
    #[serde(rename = "expiresAt")]
    pub expires_at: Timestamp,
}

impl Login {
    /// A new session.
    #[must_use]
    pub fn new(token: Token, username: Username, session_id: SessionId, expires_at: Timestamp) -> Self {
        Self { token, username, session_id, expires_at }
    }
}

/// The body of a password change.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[non_exhaustive]
pub struct PasswordChange {
    /// The current password.
    pub old_password: String,
    /// The new password.
    pub new_password: String,
}

impl PasswordChange {
    /// A change of the password.
    #[must_use]
    pub fn new(old_password: impl Into<String>, new_password: impl Into<String>) -> Self {
        Self { old_password: old_password.into(), new_password: new_password.into() }
    }
}

/// The body of the deletion of an account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccountDeletion {
    /// The password, in plain text.
    pub password: String,
}

impl AccountDeletion {
    /// A deletion of the account with this password.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self { password: password.into() }
    }
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionInfo {
    /// The public ID of the session.
    #[serde(rename = "sessionID")]
    pub session_id: SessionId,
    /// The name that the login gave the device.
    pub device: Option<DeviceName>,
    /// The time of the login.
    pub created_at: Timestamp,
    /// When the session was last used.
    pub last_seen_at: Timestamp,
    /// When the session ends if it is not used.
    pub expires_at: Timestamp,
    /// Whether it is the session of the caller.
    #[serde(default)]
    pub current: bool,
}

impl SessionInfo {
    /// A session of a device without a name, which is not the session that asks.
    #[must_use]
    pub fn new(
        session_id: SessionId,
        created_at: Timestamp,
        last_seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self { session_id, created_at, last_seen_at, expires_at, device: None, current: false }
    }
}

with_setters!(SessionInfo { with_device: device = Option<DeviceName>, with_current: current = bool });

/// A user's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionList {
    /// All sessions, newest first.
    pub sessions: Vec<SessionInfo>,
}

impl SessionList {
    /// These sessions, the newest first.
    #[must_use]
    pub fn new(sessions: Vec<SessionInfo>) -> Self {
        Self { sessions }
    }
}

/// The body of every HTTP error: a problem document with a stable code (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// Always `about:blank`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The status as a text.
    #[serde(default)]
    pub title: String,
    /// Returns the HTTP status.
    pub status: u16,
    /// What is wrong and how to fix it, for people.
    #[serde(default)]
    pub detail: String,
    /// The stable code, for programs.
    pub code: String,
}

macro_rules! account_errors {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal, $detail:literal;)*) => {
        /// Why an HTTP call was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        #[non_exhaustive]
        pub enum AccountError {
            $($(#[$doc])* #[error($detail)] $variant,)*
        }

        impl AccountError {
            /// All errors.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Returns the error of a received problem document, or `None` if this version does not know it.
            #[must_use]
            pub fn from_problem(problem: &Problem) -> Option<Self> {
                Self::ALL.iter().copied().find(|e| e.code() == problem.code && e.status() == problem.status)
            }

            /// Returns the HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Returns the problem document.
            #[must_use]
            pub fn problem(self) -> Problem {
                let title = match self { $(Self::$variant => $title,)* };
                Problem {
                    kind: "about:blank".into(),
                    title: title.into(),
                    status: self.status(),
                    detail: self.to_string(),
                    code: self.code().into(),
                }
            }
        }
    };
}

account_errors! {
    /// The body is not valid for the call.
    InvalidRequest = "INVALID_REQUEST", 400, "Bad Request", "the body must be a JSON object with exactly the members of this call, each once and of its type";
    /// An HTTP/1.1 request without exactly one valid `Host`.
    InvalidHost = "INVALID_HOST", 400, "Bad Request", "an HTTP/1.1 request must carry exactly one Host header, with a host and, where needed, a port";
    /// A WebSocket handshake without a valid key.
    InvalidHandshake = "INVALID_HANDSHAKE", 400, "Bad Request", "a WebSocket handshake must carry exactly one Sec-WebSocket-Key, 16 bytes in base64";
    /// No bearer token, or one that is not valid.
    Unauthorized = "UNAUTHORIZED", 401, "Unauthorized", "the bearer token is missing or its session has ended; log in again";
    /// Unknown user or wrong password; the error does not tell which.
    InvalidCredentials = "INVALID_CREDENTIALS", 401, "Unauthorized", "the username or the password is wrong";
    /// The password that a change of the account requires is wrong.
    WrongPassword = "INVALID_CREDENTIALS", 403, "Forbidden", "the password is wrong";
    /// The user is banned.
    Banned = "BANNED", 403, "Forbidden", "this user is banned";
    /// The server does not allow registration.
    RegistrationClosed = "REGISTRATION_CLOSED", 403, "Forbidden", "this server takes no new users";
    /// The server registers only users with an invitation, and the registration names none.
    InviteRequired = "INVITE_REQUIRED", 403, "Forbidden", "this server takes new users with an invitation only";
    /// The invitation is unknown, used up or expired; the error does not tell which.
    InviteInvalid = "INVITE_INVALID", 403, "Forbidden", "the invitation is unknown, used up or expired; ask for another";
    /// A web page whose origin may not open a socket on this server.
    OriginRefused = "ORIGIN_REFUSED", 403, "Forbidden", "web pages of this origin may not connect; let the proxy pass on Host, or add the origin to cors_origins";
    /// The path does not exist.
    NotFound = "NOT_FOUND", 404, "Not Found", "there is nothing at this path";
    /// The user has no such session.
    SessionNotFound = "SESSION_NOT_FOUND", 404, "Not Found", "you have no such session";
    /// The path does not accept the method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "Method Not Allowed", "this path takes another method";
    /// Another user has the name, or had it before deleting the account.
    UsernameTaken = "USERNAME_TAKEN", 409, "Conflict", "this username is taken; choose another";
    /// The body is too large.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413, "Content Too Large", "the body is larger than this call takes";
    /// The content type of the body is not JSON.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported Media Type", "the body must be JSON, sent with Content-Type: application/json";
    /// The name is not a username, or is reserved.
    InvalidUsername = "INVALID_USERNAME", 422, "Unprocessable Content", "a username has 2 to 32 characters of a-z, 0-9, '.', '_' and '-', the first a letter or a digit, and is none of the reserved ones";
    /// A password that is too short or too long.
    WeakPassword = "WEAK_PASSWORD", 422, "Unprocessable Content", "a password has 8 to 1024 bytes";
    /// A request to the socket's path that does not request a WebSocket of version 13.
    UpgradeRequired = "UPGRADE_REQUIRED", 426, "Upgrade Required", "this path takes a WebSocket handshake of version 13";
    /// Too many attempts.
    RateLimited = "RATE_LIMITED", 429, "Too Many Requests", "too many attempts; wait as long as Retry-After says";
    /// The server cannot carry out the call at the moment.
    Unavailable = "UNAVAILABLE", 503, "Service Unavailable", "the server cannot do this now; try again later";
}
