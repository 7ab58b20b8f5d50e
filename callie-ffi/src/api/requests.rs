//! Shared code of all commands' methods: checks arguments, sends commands and reads results.

use std::collections::HashMap;
use std::fmt::Display;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use callie_client::{Error, Reply};
use callie_core::command::{Command, Empty, MessageText, PageLimit, Presence, PresenceMap};
use callie_core::{Limits, MAX_PAGE, NameError, Timestamp, Username};
use serde::de::DeserializeOwned;

use super::client::Client;
use super::error::CallError;
use crate::runtime::within;

/// The answer to a command, awaited.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send + 'a>>;

/// The error for a malformed parameter.
pub(super) struct Invalid(Error);

impl Invalid {
    fn new(parameter: &str, expected: impl Display) -> Self {
        Self(Error::argument(&format!("the parameter {parameter}"), expected))
    }
}

impl From<Invalid> for CallError {
    fn from(Invalid(error): Invalid) -> Self {
        error.into()
    }
}

/// Parses a parameter from its text.
pub(super) fn parsed<T>(
    text: &str,
    parameter: &str,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<T, Invalid> {
    parse(text).map_err(|e| Invalid::new(parameter, e))
}

/// The same for an optional parameter.
pub(super) fn optional<T>(
    text: Option<&str>,
    parameter: &str,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Invalid> {
    text.map(|text| parsed(text, parameter, parse)).transpose()
}

/// Reads usernames.
pub(super) fn users(names: &[String], parameter: &str) -> Result<Vec<Username>, Invalid> {
    names.iter().map(|name| parsed(name, parameter, Username::parse)).collect()
}

/// Checks the text of a message.
pub(super) fn message_text(text: String, limits: &Limits, parameter: &str) -> Result<MessageText, Invalid> {
    MessageText::new(text, limits).map_err(|e| Invalid::new(parameter, e))
}

/// Checks the size of a page.
pub(super) fn page_limit(limit: Option<u16>) -> Result<PageLimit, Invalid> {
    let Some(limit) = limit else { return Ok(PageLimit::default()) };
    PageLimit::new(limit).ok_or_else(|| Invalid::new("limit", format_args!("from 1 to {MAX_PAGE}")))
}

/// Reads an instant, to the nearest millisecond: Swift's dates are binary fractions of a second.
pub(super) fn instant(time: Option<SystemTime>, parameter: &str) -> Result<Option<Timestamp>, Invalid> {
    const HALF: Duration = Duration::from_micros(500);
    let read = |time: SystemTime| {
        time.checked_add(HALF)
            .and_then(|time| Timestamp::try_from(time).ok())
            .ok_or_else(|| Invalid::new(parameter, "a time before the year 10000"))
    };
    time.map(read).transpose()
}

/// Whether each user is online.
pub(super) fn online(presence: PresenceMap) -> HashMap<String, bool> {
    presence
        .presence
        .into_iter()
        .map(|(name, presence)| (name.to_string(), presence == Presence::Online))
        .collect()
}

impl Client {
    /// Sends a command inside the runtime. All commands share this boxed future, to keep the library small.
    pub(super) fn call(&self, command: Command) -> Answer<'_, Reply> {
        Box::pin(async move { Ok(within(self.inner.request(&command)).await??) })
    }

    /// The same for a command whose result is empty.
    pub(super) fn call_unit(&self, command: Command) -> Answer<'_, ()> {
        Box::pin(async move { self.call(command).await.and_then(read::<Empty>).map(drop) })
    }
}

/// Reads the result of a command.
pub(super) fn read<T: DeserializeOwned>(reply: Reply) -> Result<T, CallError> {
    Ok(reply.read().map(|(result, _)| result)?)
}
