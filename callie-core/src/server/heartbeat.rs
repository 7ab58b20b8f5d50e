//! Detects lost clients: a PING after a silence, and the end of the connection after a longer one.

use std::time::Duration;

use super::config::Times;

/// The time of the last text message, and the deadlines that follow from it.
#[derive(Debug)]
pub(super) struct Heartbeat {
    heard_at: Duration,
    pinged_at: Option<Duration>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// A PING, once in each silence.
    Ping,
    /// The end of the connection.
    Missed,
}

impl Heartbeat {
    /// Starts with a connection that has just received its first payload.
    pub(super) fn new(now: Duration) -> Self {
        Self { heard_at: now, pinged_at: None }
    }

    /// Records a text message.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard_at = now;
        self.pinged_at = None;
    }

    pub(super) fn heard_at(&self) -> Duration {
        self.heard_at
    }

    pub(super) fn due(&mut self, now: Duration, times: &Times) -> Due {
        if now < self.deadline(times) {
            return Due::Nothing;
        }
        if self.pinged_at.is_some() {
            return Due::Missed;
        }
        self.pinged_at = Some(now);
        Due::Ping
    }

    /// Returns when something is due next, if no text message arrives before.
    pub(super) fn deadline(&self, times: &Times) -> Duration {
        match self.pinged_at {
            Some(at) => at.saturating_add(times.heartbeat_grace),
            None => self.heard_at.saturating_add(times.heartbeat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn silence_is_pinged_once_and_then_closed() {
        let times = Times::default();
        let mut heartbeat = Heartbeat::new(at(0));
        assert_eq!(heartbeat.due(at(29), &times), Due::Nothing);
        assert_eq!(heartbeat.due(at(30), &times), Due::Ping);
        assert_eq!(heartbeat.due(at(74), &times), Due::Nothing);
        assert_eq!(heartbeat.due(at(75), &times), Due::Missed);
    }

    #[test]
    fn any_text_resets_the_silence() {
        let times = Times::default();
        let mut heartbeat = Heartbeat::new(at(0));
        assert_eq!(heartbeat.due(at(30), &times), Due::Ping);
        heartbeat.heard(at(74));
        assert_eq!(heartbeat.deadline(&times), at(104));
        assert_eq!(heartbeat.due(at(75), &times), Due::Nothing);
        assert_eq!(heartbeat.due(at(104), &times), Due::Ping);
    }
}
