//! Checks that resumed connections lose nothing.

use callie_core::Token;
use callie_core::session::{SessionConfig, State, TicketOutcome};

use super::Takes;
use super::application::Sent;
use super::run::{Simulation, User};

impl Simulation {
    /// A device whose connections all continue the first one receives every message that was sent to its user since, and its
    /// user is offline for nobody. If all are back in time, every message is confirmed.
    pub(super) fn check_continuity(&self) {
        let Some(resumable) = self.scenario.resumable else { return };
        if self.scenario.cuts.is_some() {
            assert!(self.users.iter().all(is_continuous), "all clients were back in time");
        }
        for receiver in self.users.iter().filter(|user| is_continuous(user)) {
            for sender in self.users.iter().filter(|user| user.name == receiver.other) {
                let is_certain = resumable.in_time
                    && is_continuous(sender)
                    && !self.scenario.restless
                    && self.scenario.takes == Takes::AtOnce;
                self.check_between(sender, receiver, is_certain);
            }
        }
    }

    fn check_between(&self, sender: &User, receiver: &User, is_certain: bool) {
        let records = self.server.records();
        let Some(online) = receiver.application.online_at else { return };
        let timeout = SessionConfig::new(receiver.name.clone(), Token::parse("t").unwrap()).send_timeout;
        for (ticket, sent) in &sender.application.sent {
            let Sent::Message { text, .. } = sent else { continue };
            if records.arrivals.get(text).is_none_or(|arrivals| arrivals.first <= online) {
                continue;
            }
            let (outcome, ended) = &sender.application.ended[ticket];
            let has_arrived = receiver.application.received.contains(text);
            let is_late = *ended >= sender.application.sent_at[ticket] + timeout;
            match outcome {
                TicketOutcome::Sent | TicketOutcome::Delivered { .. } => {
                    assert!(has_arrived, "{sent:?} ended as {outcome:?} and is missing");
                }
                TicketOutcome::Offline => panic!("{sent:?} ended as offline, but {} was not", receiver.name),
                TicketOutcome::Unconfirmed => {
                    assert!(is_late || !is_certain, "{sent:?} ended unconfirmed at {ended:?}");
                }
                _ => {}
            }
        }
    }
}

fn is_continuous(user: &User) -> bool {
    user.application.beginnings == 1 && matches!(user.session.state(), State::Online { .. })
}
