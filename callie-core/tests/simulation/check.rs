//! Checks a finished run: every outcome must agree with what the server and the other side's application did.

use callie_core::SysCode;
use callie_core::session::{Failure, Ticket, TicketOutcome};

use super::application::{Application, Sent, number_in};
use super::run::{Simulation, User};

impl Simulation {
    pub(super) fn check(&self) {
        for user in &self.users {
            let mine = &user.application;
            for (ticket, sent) in &mine.sent {
                let (outcome, _) =
                    mine.ended.get(ticket).unwrap_or_else(|| panic!("{ticket:?} has no outcome: {sent:?}"));
                self.check_outcome(user, *ticket, sent, outcome);
            }
        }
        self.check_order();
        self.check_states();
        self.check_continuity();
        if !self.scenario.forgetful {
            let groups =
                self.server.records().carried_out.iter().filter(|(name, _)| name.starts_with("group "));
            for (name, times) in groups {
                assert_eq!(*times, 1, "{name} was made more than once");
            }
        }
    }

    /// Messages of one device to one recipient arrive in order. Exceptions are messages that were sent again under a
    /// second ID because the first had failed, and scenarios in which the server drops messages in transit.
    fn check_order(&self) {
        if self.scenario.rates.is_some() || self.scenario.forgetful {
            return;
        }
        for (device, sender) in self.users.iter().enumerate() {
            let mine = &sender.application;
            let everyone = |text: &str| {
                mine.sent
                    .values()
                    .any(|sent| matches!(sent, Sent::Message { text: t, everyone: true, .. } if t == text))
            };
            for receiver in self.users.iter().filter(|user| user.name == sender.other) {
                let from_device = receiver.application.received.iter().filter(|text| {
                    text.split('.').next() == Some(&device.to_string()) && mine.transmitted[*text].len() == 1
                });
                let (all, one): (Vec<_>, Vec<_>) = from_device.partition(|text| everyone(text));
                for texts in [all, one] {
                    let numbers: Vec<_> = texts.iter().map(|text| number_in(text)).collect();
                    assert!(numbers.is_sorted(), "messages came out of order: {numbers:?}");
                }
            }
        }
    }

    fn receivers<'a>(&'a self, sender: &'a User) -> impl Iterator<Item = &'a Application> {
        self.users.iter().filter(|user| user.name == sender.other).map(|user| &user.application)
    }

    fn check_outcome(&self, sender: &User, ticket: Ticket, sent: &Sent, outcome: &TicketOutcome) {
        let server = self.server.records();
        let wrong = |why: &str| panic!("{ticket:?} {sent:?} ended as {outcome:?}, but {why}");
        if self.scenario.faultless {
            let good = match outcome {
                TicketOutcome::Delivered { .. } | TicketOutcome::Sent | TicketOutcome::Pong { .. } => true,
                TicketOutcome::Done { result } => result.is_some() || self.scenario.forgetful,
                // A server that restarted in the middle of a payload leaves its outcome unknown, and does not report
                // the recipient as offline.
                TicketOutcome::Unconfirmed => self.scenario.forgetful,
                TicketOutcome::Offline if self.scenario.forgetful => *sent == Sent::Ping,
                _ => false,
            };
            if !good {
                wrong("there was no fault");
            }
        }
        match (sent, outcome) {
            (Sent::Message { text, everyone, long }, _) => match outcome {
                TicketOutcome::Delivered { confirmed, unconfirmed, offline, .. } => {
                    if !self.receivers(sender).any(|theirs| theirs.taken.contains(text)) {
                        wrong("no application took it");
                    }
                    assert_eq!((*confirmed, *unconfirmed, *offline), (Some(1), Some(0), Some(0)));
                }
                // One for a connection that is away is not passed on yet, and one to everyone leaves no trace if nobody
                // is there.
                TicketOutcome::Sent
                    if !server.passed_on.contains(text)
                        && server.arrivals.get(text).is_none_or(|arrivals| arrivals.taken < 1) =>
                {
                    wrong("the server never accepted it")
                }
                TicketOutcome::Sent => {}
                TicketOutcome::Offline => {
                    if *everyone || !server.discarded.contains(text) {
                        wrong("the server never reported that");
                    }
                    if self.receivers(sender).any(|theirs| theirs.received.contains(text)) {
                        wrong("it arrived");
                    }
                }
                TicketOutcome::Failed(Failure::Refused { code, .. }) => {
                    if !long || code.sys_code() != Some(SysCode::PayloadTooLarge) {
                        wrong("nothing refused it");
                    }
                    if server.passed_on.contains(text) {
                        wrong("the server accepted it");
                    }
                }
                TicketOutcome::Failed(_) if server.passed_on.contains(text) => {
                    wrong("the server accepted it")
                }
                TicketOutcome::Failed(_) => {}
                TicketOutcome::Unconfirmed if !sender.application.transmitted.contains_key(text) => {
                    wrong("it was never transmitted");
                }
                TicketOutcome::Unconfirmed => {}
                _ => wrong("it was a message"),
            },
            (Sent::Command(name) | Sent::Signal(name), TicketOutcome::Done { .. } | TicketOutcome::Sent) => {
                if !server.carried_out.contains_key(name) {
                    wrong("the server never carried it out");
                }
            }
            (Sent::Command(name) | Sent::Signal(name), TicketOutcome::Failed(_)) => {
                if server.carried_out.contains_key(name) {
                    wrong("the server carried it out");
                }
            }
            (Sent::Command(_) | Sent::Signal(_), TicketOutcome::Unconfirmed) => {}
            (
                Sent::Ping,
                TicketOutcome::Pong { .. }
                | TicketOutcome::Offline
                | TicketOutcome::Unconfirmed
                | TicketOutcome::Failed(_),
            ) => {}
            _ => wrong("it cannot have this outcome"),
        }
    }
}
