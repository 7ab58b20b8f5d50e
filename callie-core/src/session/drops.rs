//! Payloads that the server dropped because of the rate. They are sent again, in order and more slowly.

use std::time::Duration;

use super::link::Link;
use super::machine::{MOST_PATIENCE, Now, Session};
use super::tickets::Found;
use crate::name::PayloadId;
use crate::notice::Notice;

/// The pause if the server does not state one.
const PAUSE: Duration = Duration::from_secs(1);

impl Session {
    /// Handles `RATE_LIMITED`, which names the payloads that were dropped on this connection since the last one.
    pub(super) fn rate_limited(&mut self, now: Now, notice: &Notice) {
        if !matches!(self.link, Link::Online(_)) {
            return;
        }
        let metadata = notice.metadata();
        let wait = metadata.retry_after_ms.map_or(PAUSE, Duration::from_millis).min(MOST_PATIENCE);
        let names = metadata.dropped.as_deref();
        let mut drops = Drops::default();
        for id in metadata.in_reply_to.iter().chain(names.unwrap_or_default()) {
            self.dropped(now, id, wait, &mut drops);
        }
        let named = names.map(|names| u64::try_from(names.len()).unwrap_or(u64::MAX));
        let all_named = named.is_some_and(|named| metadata.dropped_count.is_none_or(|count| count <= named));
        if !all_named {
            let first = metadata.in_reply_to.as_ref().and_then(|id| self.tickets.find(id.as_str()));
            let first = first.and_then(|found| self.tickets.get(found.ticket));
            // The notice may refer to the first transmission of a payload that was sent again since. If the first dropped
            // payload is unknown, all may have been sent after it.
            let first = first.and_then(|waiting| waiting.first_transmission);
            self.suspect_all_since(first.unwrap_or(0), &mut drops);
        }
        // A server that does not name payloads also does not report further drops for a second.
        let wait = if named.is_some() { wait } else { wait.max(PAUSE) };
        self.slow_down(now.elapsed.saturating_add(wait), named.is_some(), &drops);
        self.pump(now);
    }

    fn dropped(&mut self, now: Now, id: &PayloadId, wait: Duration, drops: &mut Drops) {
        let until = now.elapsed.saturating_add(wait);
        if let Link::Online(online) = &mut self.link
            && let Some(barrier) = &mut online.barrier
            && barrier.payload_id == *id
        {
            barrier.again_at = until;
        }
        self.inbox.dropped(id, until);
        if let Some(Found { ticket, current: true }) = self.tickets.find(id.as_str())
            && let Some(waiting) = self.tickets.get(ticket)
            && waiting.is_sent()
        {
            drops.add(waiting.transmission, waiting.is_broadcast());
            self.tickets.dropped(ticket);
            self.store_sent(now, ticket);
        }
    }

    /// Handles a report that does not name all drops: everything since the first one is sent again. The server detects
    /// duplicates.
    fn suspect_all_since(&mut self, first: u64, drops: &mut Drops) {
        let suspects = self.tickets.those(|waiting| waiting.is_sent() && waiting.transmission >= first);
        for ticket in suspects {
            if let Some(waiting) = self.tickets.get(ticket) {
                drops.add(waiting.transmission, waiting.is_broadcast());
                self.tickets.requeue(ticket);
            }
        }
    }

    fn slow_down(&mut self, until: Duration, named: bool, drops: &Drops) {
        // Drops of payloads that were in transit when the pace was last reduced do not reduce it again.
        let anew = drops.last.is_none_or(|last| last > self.slowed_at);
        let only_broadcasts = named && drops.broadcasts && !drops.others;
        if drops.broadcasts || !named {
            self.pacing.pause_broadcasts(until);
        }
        if !only_broadcasts {
            self.pacing.pause(until);
        }
        if anew {
            if drops.broadcasts {
                self.pacing.slow_broadcasts_down();
            }
            if !only_broadcasts {
                self.pacing.slow_down();
            }
            self.slowed_at = self.tickets.transmissions();
        }
        if !named && let Link::Online(online) = &mut self.link {
            // Its PONG would mean that everything before it was accepted.
            online.barrier = None;
        }
    }
}

/// The drops in a notice.
#[derive(Default)]
struct Drops {
    /// The number of the last transmission among them.
    last: Option<u64>,
    /// Whether broadcasts are among them.
    broadcasts: bool,
    /// Whether other payloads are among them.
    others: bool,
}

impl Drops {
    fn add(&mut self, transmission: u64, broadcast: bool) {
        self.last = self.last.max(Some(transmission));
        self.broadcasts |= broadcast;
        self.others |= !broadcast;
    }
}
