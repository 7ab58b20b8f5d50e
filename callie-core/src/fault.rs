//! Why a received text is not a valid payload: code, path and reason (protocol, "Validation").

use std::borrow::Cow;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::code::SysCode;
use crate::json::Pointer;
use crate::name::PayloadId;

/// The first fault of a received text.
///
/// The reason never contains a value, and neither reason nor path contains the payload's own token.
///
/// ```
/// use callie_core::{PayloadRef, Limits, SysCode};
///
/// let fault = PayloadRef::from_client(r#"{"payloadID":"p1"}"#, &Limits::default()).unwrap_err();
/// assert_eq!((fault.code(), fault.path().as_str()), (SysCode::MissingField, "/token"));
/// let notice = fault.notice(None);
/// assert_eq!(notice.metadata().in_reply_to.as_ref().unwrap(), "p1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(crate) code: SysCode,
    pub(crate) pointer: Pointer,
    pub(crate) reason: Cow<'static, str>,
    pub(crate) payload_id: Option<PayloadId>,
}

impl Fault {
    /// Returns the code, one of those for invalid payloads.
    #[must_use]
    pub fn code(&self) -> SysCode {
        self.code
    }

    /// Returns the path: a JSON Pointer from the payload's root, truncated to 512 bytes; `""` is the root.
    #[must_use]
    pub fn path(&self) -> String {
        self.pointer.to_string()
    }

    /// Returns what was expected, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the payload's ID, if it could be read and is valid.
    #[must_use]
    pub fn payload_id(&self) -> Option<&PayloadId> {
        self.payload_id.as_ref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at \"{}\": {}", self.code, self.pointer, self.reason)
    }
}

impl std::error::Error for Fault {}

/// Writes code, path and reason.
impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Fault", 3)?;
        out.serialize_field("code", &self.code)?;
        out.serialize_field("path", &self.path())?;
        out.serialize_field("reason", &self.reason)?;
        out.end()
    }
}
