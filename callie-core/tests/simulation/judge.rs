//! What must hold in the end: every outcome is what the server and the other side's application did.

use callie_core::SysCode;
use callie_core::session::{Failure, Ticket, TicketOutcome};

use super::world::{Application, Sent, User, World, number_in};

impl World {
    pub(super) fn judge(&self) {
        for user in &self.users {
            let mine = &user.application;
            for (ticket, sent) in &mine.sent {
                let (ending, _) =
                    mine.ended.get(ticket).unwrap_or_else(|| panic!("{ticket:?} never ended: {sent:?}"));
                self.judge_ending(user, *ticket, sent, ending);
            }
        }
        self.judge_order();
        if !self.scenario.forgetful {
            let groups = self.server.carried_out.iter().filter(|(name, _)| name.starts_with("group "));
            for (name, times) in groups {
                assert_eq!(*times, 1, "{name} was made more than once");
            }
        }
    }

    /// Messages of one device to one recipient arrive in order, but for those that were sent under a second ID since the
    /// first had failed, and where the server drops some of what is on its way.
    fn judge_order(&self) {
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

    fn judge_ending(&self, sender: &User, ticket: Ticket, sent: &Sent, ending: &TicketOutcome) {
        let server = &self.server;
        let wrong = |why: &str| panic!("{ticket:?} {sent:?} ended as {ending:?}, but {why}");
        if self.scenario.faultless {
            let good = match ending {
                TicketOutcome::Delivered { .. } | TicketOutcome::Sent | TicketOutcome::Pong { .. } => true,
                TicketOutcome::Done { result } => result.is_some() || self.scenario.forgetful,
                // What a server forgot in the middle of it is in doubt, and it is not called offline.
                TicketOutcome::Unconfirmed => self.scenario.forgetful,
                // One that was on its way during the restart is not tried under another ID: it may have arrived.
                TicketOutcome::Offline if self.scenario.forgetful => match sent {
                    Sent::Message { text, .. } => {
                        sender.application.transmitted[text].values().any(|times| *times > 1)
                    }
                    _ => *sent == Sent::Ping,
                },
                _ => false,
            };
            if !good {
                wrong("there was no fault");
            }
        }
        match (sent, ending) {
            (Sent::Message { text, everyone, long }, _) => match ending {
                TicketOutcome::Delivered { confirmed, unconfirmed, offline } => {
                    if !self.receivers(sender).any(|theirs| theirs.taken.contains(text)) {
                        wrong("no application took it");
                    }
                    assert_eq!((*confirmed, *unconfirmed, *offline), (Some(1), Some(0), Some(0)));
                }
                TicketOutcome::Sent if !server.passed_on.contains(text) => wrong("the server never took it"),
                TicketOutcome::Sent => {}
                TicketOutcome::Offline => {
                    if *everyone || !server.discarded.contains(text) {
                        wrong("the server never said so");
                    }
                    // A server that forgot the first time tells the truth about the second.
                    if !self.scenario.forgetful
                        && self.receivers(sender).any(|theirs| theirs.received.contains(text))
                    {
                        wrong("it arrived");
                    }
                }
                TicketOutcome::Failed(Failure::Refused { code, .. }) => {
                    if !long || code.sys_code() != Some(SysCode::PayloadTooLarge) {
                        wrong("nothing refused it");
                    }
                    if server.passed_on.contains(text) {
                        wrong("the server took it");
                    }
                }
                TicketOutcome::Failed(_) if server.passed_on.contains(text) => wrong("the server took it"),
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
            _ => wrong("it cannot end so"),
        }
    }
}
