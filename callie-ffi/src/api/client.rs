//! The connection.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use callie_core::command::{Cursor, GroupName, Visibility};
use callie_core::{GroupId, Username};

use super::error::{ConnectError, ReceiveError, RequestError, SendError};
use super::event::Event;
use super::payload::Attachment;
use super::server::Session;
use crate::client::{self, Fault};
use crate::runtime::within;

/// The identifiers of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Sent {
    /// The payload's: notices about it name it as what they reply to.
    pub payload_id: String,
    /// The message's: edits and deletions name it.
    pub message_id: String,
}

/// A group that was made.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Group {
    /// What messages to the group are sent to.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// The users in it.
    pub members: Vec<String>,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupSummary {
    /// What messages to the group are sent to.
    pub group_id: String,
    /// Its name.
    pub name: String,
    /// How many users are in it.
    pub member_count: u64,
}

/// One page of a list of groups.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<GroupSummary>,
    /// Where the next page begins, where there is one.
    pub next: Option<String>,
}

/// An authenticated connection.
///
/// Every method may be called from several threads at once. Letting go of it says goodbye in the background.
#[derive(Debug, uniffi::Object)]
pub struct Client {
    inner: client::Client,
}

#[uniffi::export]
impl Client {
    /// Connects and authenticates.
    #[uniffi::constructor]
    pub async fn connect(session: Arc<Session>) -> Result<Arc<Self>, ConnectError> {
        let inner = within(client::Client::connect(&session.inner)).await??;
        Ok(Arc::new(Self { inner }))
    }

    /// Who this connection is.
    pub fn username(&self) -> String {
        self.inner.username().to_string()
    }

    /// Sends a text in Markdown, with attachments. The recipient is a username, a group's ID or `BROADCAST`.
    ///
    /// Returns when the message is in the connection's queue; a notice tells if it could not be delivered.
    #[uniffi::method(default(attachments = []))]
    pub async fn send(
        &self,
        recipient: String,
        text: String,
        attachments: Vec<Attachment>,
    ) -> Result<Sent, SendError> {
        let attachments = attachments
            .into_iter()
            .enumerate()
            .map(|(at, a)| a.check().map_err(|e| Fault::attachment(at, e)))
            .collect::<Result<_, _>>()
            .map_err(client::SendError::InvalidArgument)?;
        let sent = within(self.inner.send_text(&recipient, &text, attachments)).await??;
        Ok(Sent { payload_id: sent.payload_id.to_string(), message_id: sent.message_id.to_string() })
    }

    /// Asks the server (`SERVER`) or a user for a sign of life; the answer is how many microseconds it took.
    pub async fn ping(&self, recipient: String) -> Result<u64, RequestError> {
        let took = within(self.inner.ping(&recipient)).await??;
        Ok(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
    }

    /// Carries out a command by name; parameters and result are JSON objects.
    pub async fn command(&self, name: String, parameters: String) -> Result<String, RequestError> {
        Ok(within(self.inner.command(&name, &parameters)).await??)
    }

    /// Makes a group of this user and `members`; a public one can be joined by anyone.
    #[uniffi::method(default(members = [], is_public = false))]
    pub async fn create_group(
        &self,
        name: String,
        members: Vec<String>,
        is_public: bool,
    ) -> Result<Group, RequestError> {
        let name = GroupName::parse(&name).map_err(|e| invalid("the group's name", e))?;
        let members = members
            .iter()
            .map(|m| Username::parse(m).map_err(|e| invalid("a member", e)))
            .collect::<Result<_, _>>()?;
        let visibility = if is_public { Visibility::Public } else { Visibility::Private };
        let group = within(self.inner.create_group(name, members, visibility)).await??;
        Ok(Group {
            group_id: group.group_id.to_string(),
            name: group.name.to_string(),
            members: group.members.iter().map(ToString::to_string).collect(),
        })
    }

    /// Leaves a group.
    pub async fn leave_group(&self, group_id: String) -> Result<(), RequestError> {
        let group_id = GroupId::parse(&group_id).map_err(|e| invalid("the group", e))?;
        Ok(within(self.inner.leave_group(group_id)).await??)
    }

    /// One page of the groups that this user is in; `after` is the `next` of the page before.
    #[uniffi::method(default(after = None))]
    pub async fn list_groups(&self, after: Option<String>) -> Result<GroupPage, RequestError> {
        let after = after.map(|a| Cursor::parse(&a)).transpose().map_err(|e| invalid("the cursor", e))?;
        let list = within(self.inner.list_groups(after)).await??;
        let groups = list.groups.into_iter().map(|group| GroupSummary {
            group_id: group.group_id.to_string(),
            name: group.name.to_string(),
            member_count: group.member_count,
        });
        Ok(GroupPage { groups: groups.collect(), next: list.next.map(|next| next.to_string()) })
    }

    /// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first; none when nothing came.
    ///
    /// The last event is `Closed`; after it the call fails. Cancelling the call loses nothing.
    pub async fn next_events(&self, max: u32, timeout_ms: u64) -> Result<Vec<Event>, ReceiveError> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let events = within(self.inner.next_events(max, Duration::from_millis(timeout_ms))).await??;
        Ok(events.into_iter().map(Event::from).collect())
    }

    /// Writes what was sent, says goodbye and ends the connection. What has arrived can still be taken.
    pub async fn disconnect(&self) {
        // Without a runtime there is no connection to end.
        let _ = within(self.inner.disconnect()).await;
    }
}

fn invalid(name: &str, expected: impl Display) -> RequestError {
    client::RequestError::InvalidArgument(Fault::argument(name, expected)).into()
}
