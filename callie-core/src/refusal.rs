//! The notices that answer refused payloads and commands.

use crate::code::{CodeName, SysCode};
use crate::command::CommandFault;
use crate::fault::Fault;
use crate::notice::{Notice, NoticeBuilder};

impl Fault {
    /// Returns the notice that answers the payload.
    ///
    /// Segments of the path that contain `connection_token` are left out.
    #[must_use]
    pub fn notice(&self, connection_token: Option<&str>) -> Notice {
        let pointer = self.pointer.clone().without(connection_token.unwrap_or_default());
        Notice::builder(self.code)
            .describe(self.reason.clone())
            .path(pointer.to_string())
            .in_reply_to_any(self.payload_id.as_ref())
    }
}

impl CommandFault {
    /// Returns the notice that answers the command.
    ///
    /// Segments of the path that contain `connection_token` are left out.
    pub fn notice(&self, command: CodeName, connection_token: Option<&str>) -> NoticeBuilder {
        let pointer = self.pointer.clone().without(connection_token.unwrap_or_default());
        let notice = Notice::builder(self.code).describe(self.describe(&pointer)).command(command);
        match self.code {
            SysCode::UnknownCommand => notice,
            _ => notice.path(pointer.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::code::CodeName;
    use crate::command::Command;
    use crate::limits::Limits;
    use crate::name::PayloadId;

    #[test]
    fn description_names_the_parameter() {
        let read = |name, parameters| Command::read(name, parameters, &Limits::default()).unwrap_err();
        let missing = read("GET_GROUP", "{}");
        assert_eq!(missing.description(), "the parameter groupID is missing");
        let nested = read("ACK", r#"{"payloads":[{"sender":"SERVER!","payloadID":"p"}]}"#);
        assert!(nested.description().starts_with("the parameter payloads/0/sender must be"), "{nested}");
        let unknown = read("GET_GROUP", r#"{"secret-token":1,"groupID":"group:x"}"#);
        let notice = unknown.notice(CodeName::parse("GET_GROUP").unwrap(), Some("secret-token"));
        let notice = notice.in_reply_to(PayloadId::parse("p").unwrap());
        assert!(!notice.description().contains("secret-token"), "{}", notice.description());
    }
}
