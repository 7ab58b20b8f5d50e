//! What a client can be told.

use std::time::Duration;

use crate::client;

/// Where the server is and how long to wait for it. What is left out has the library's default.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Config {
    /// `https://` (or `wss://`) for TLS, `http://` (or `ws://`) without.
    pub url: String,
    /// The most milliseconds for finding the host, TCP and TLS; 15,000 unless given.
    #[uniffi(default = None)]
    pub connect_timeout_ms: Option<u32>,
    /// The most milliseconds for one HTTP call, or for the WebSocket's upgrade and authentication; 30,000 unless given.
    #[uniffi(default = None)]
    pub exchange_timeout_ms: Option<u32>,
    /// The most milliseconds for the answer to a ping or a command; 15,000 unless given.
    #[uniffi(default = None)]
    pub answer_timeout_ms: Option<u32>,
    /// The most events that wait for the application; 1,024 unless given. While so many wait, nothing more is read.
    #[uniffi(default = None)]
    pub event_queue: Option<u32>,
}

impl Config {
    pub(super) fn read(self) -> Result<client::Config, client::Fault> {
        let mut config = client::Config::new(&self.url)?;
        let set = |slot: &mut Duration, millis: Option<u32>| {
            if let Some(millis) = millis {
                *slot = Duration::from_millis(millis.into());
            }
        };
        set(&mut config.connect_timeout, self.connect_timeout_ms);
        set(&mut config.exchange_timeout, self.exchange_timeout_ms);
        set(&mut config.answer_timeout, self.answer_timeout_ms);
        if let Some(events) = self.event_queue {
            config.event_queue = usize::try_from(events).unwrap_or(usize::MAX);
        }
        Ok(config)
    }
}
