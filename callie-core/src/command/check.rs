//! The checks of a command that its types do not express: lengths of lists and texts.

use super::known::Command;
use super::parameter::CommandFault;
use crate::limits::{Limits, MAX_ACKS, MAX_FEATURES, MAX_PRESENCE_NAMES};

impl Command {
    /// Checks the lengths of lists and texts, as [`read`](Self::read) does for a command that was received.
    ///
    /// # Errors
    /// [`CommandFault`] for the first parameter that is too long or too short.
    pub fn check(&self, limits: &Limits) -> Result<(), CommandFault> {
        match self {
            Self::Ack { payloads, received } => {
                check_count("payloads", payloads.len(), usize::from(received.is_none()), MAX_ACKS)
            }
            Self::Authenticate { features: Some(features), .. } => {
                check_count("features", features.len(), 0, MAX_FEATURES)
            }
            Self::CreateGroup { members, .. } => {
                check_count("members", members.len(), 0, limits.max_group_members)
            }
            Self::GetPresence { usernames }
            | Self::SubscribePresence { usernames }
            | Self::UnsubscribePresence { usernames } => {
                check_count("usernames", usernames.len(), 1, MAX_PRESENCE_NAMES)
            }
            Self::EditMessage { text, .. } | Self::Announce { text } => {
                text.check(limits).map_err(|e| CommandFault::of_parameter("text", format!("must be {e}")))
            }
            _ => Ok(()),
        }
    }
}

fn check_count(name: &str, count: usize, least: usize, most: usize) -> Result<(), CommandFault> {
    if (least..=most).contains(&count) {
        return Ok(());
    }
    Err(CommandFault::of_parameter(name, format!("must be an array of {least} to {most} elements")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{AckEntry, FeatureName, GroupName, MessageText, TextCount, Visibility};
    use crate::content::Content;
    use crate::name::{PayloadId, Username};

    /// Returns what a server reads from the command.
    fn read(command: &Command, limits: &Limits) -> Result<(), CommandFault> {
        let Content::Cmd(call) = command.to_content() else { return Ok(()) };
        Command::read(call.command().as_str(), call.parameters().as_str(), limits).map(drop)
    }

    #[test]
    fn check_agrees_with_reading() {
        let limits = Limits { max_group_members: 3, max_text_bytes: 8, ..Limits::default() };
        let users =
            |count: usize| (0..count).map(|n| Username::parse(&format!("user{n}")).unwrap()).collect();
        let text = |bytes: usize| MessageText::new("x".repeat(bytes), &Limits::default()).unwrap();
        let acks = |count: usize| {
            let payload_id = PayloadId::parse("p").unwrap();
            vec![AckEntry { sender: Username::parse("ada").unwrap(), payload_id }; count]
        };
        let mut commands = Vec::new();
        for count in [0, 1, 3, 4, 256, 257] {
            for received in [None, Some(TextCount::new(7))] {
                commands.push(Command::Ack { payloads: acks(count), received });
            }
            let name = GroupName::parse("x").unwrap();
            commands.push(Command::CreateGroup {
                name,
                members: users(count),
                visibility: Visibility::Public,
            });
            commands.push(Command::GetPresence { usernames: users(count) });
            commands.push(Command::SubscribePresence { usernames: users(count) });
            commands.push(Command::UnsubscribePresence { usernames: users(count) });
        }
        for count in [0, 32, 33] {
            let features = Some(vec![FeatureName::parse("resume").unwrap(); count]);
            commands.push(Command::Authenticate { client: None, features, resume: None });
        }
        for bytes in [1, 8, 9] {
            commands.push(Command::Announce { text: text(bytes) });
        }
        assert!(commands.iter().any(|command| command.check(&limits).is_err()));
        for command in commands {
            assert_eq!(command.check(&limits), read(&command, &limits), "{command:?}");
        }
    }
}
