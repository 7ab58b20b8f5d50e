//! Whether a client is still there: a PING after a silence, and the end after a longer one.

use std::time::Instant;

use super::timing::Timing;

/// When a connection was heard of last, and what follows from it.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    heard: Instant,
    pinged: Option<Instant>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing yet.
    Nothing,
    /// A PING.
    Ping,
    /// The end.
    Missed,
}

impl Heartbeat {
    /// A connection that was heard of just now.
    pub(crate) fn new(now: Instant) -> Self {
        Self { heard: now, pinged: None }
    }

    /// A text message came. True if a PING was out: then [`Heartbeat::next`] is earlier than it was.
    pub(crate) fn heard(&mut self, now: Instant) -> bool {
        self.heard = now;
        self.pinged.take().is_some()
    }

    /// Whether it was heard of after `since`.
    pub(crate) fn heard_after(&self, since: Instant) -> bool {
        self.heard > since
    }

    /// What is due at `now`; a PING is due once.
    pub(crate) fn due(&mut self, now: Instant, timing: &Timing) -> Due {
        if now < self.next(timing) {
            return Due::Nothing;
        }
        if self.pinged.is_some() {
            return Due::Missed;
        }
        self.pinged = Some(now);
        Due::Ping
    }

    /// When something is due next, if nothing is heard until then.
    pub(crate) fn next(&self, timing: &Timing) -> Instant {
        match self.pinged {
            Some(at) => at + timing.heartbeat_grace,
            None => self.heard + timing.heartbeat,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn silence_brings_one_ping_and_then_the_end() {
        let (timing, start) = (Timing::default(), Instant::now());
        let mut heartbeat = Heartbeat::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(heartbeat.due(at(29), &timing), Due::Nothing);
        assert_eq!(heartbeat.due(at(30), &timing), Due::Ping);
        assert_eq!(heartbeat.due(at(74), &timing), Due::Nothing);
        assert_eq!(heartbeat.due(at(75), &timing), Due::Missed);
    }

    #[test]
    fn any_text_starts_the_silence_anew() {
        let (timing, start) = (Timing::default(), Instant::now());
        let mut heartbeat = Heartbeat::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!heartbeat.heard(at(0)));
        assert_eq!(heartbeat.due(at(30), &timing), Due::Ping);
        assert!(heartbeat.heard(at(74)));
        assert_eq!(heartbeat.next(&timing), at(104));
        assert_eq!(heartbeat.due(at(75), &timing), Due::Nothing);
        assert_eq!(heartbeat.due(at(104), &timing), Due::Ping);
    }
}
