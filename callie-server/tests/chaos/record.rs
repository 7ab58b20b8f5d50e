//! The record of a run, and the check that every outcome in it is true.

use std::collections::{BTreeMap, HashMap, HashSet};

/// What the sender asked to be notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Its delivery and its failure.
    Confirmation,
    /// Its failure only.
    Nothing,
}

#[derive(Debug, Clone)]
struct Sent {
    to: String,
    asked: Asked,
    /// How often it was written to a socket: more than once after a lost connection.
    times: usize,
    /// The codes that the sender received.
    codes: Vec<String>,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct Record {
    sent: HashMap<String, Sent>,
    /// How often each payload arrived at each user.
    received: HashMap<String, HashMap<String, usize>>,
    final_messages: HashSet<String>,
    finished: usize,
}

impl Record {
    pub fn begin(&mut self, id: &str, to: &str, asked: Asked) {
        self.sent.insert(id.to_owned(), Sent { to: to.to_owned(), asked, times: 0, codes: Vec::new() });
    }

    pub fn sent(&mut self, id: &str) {
        self.sent.get_mut(id).unwrap().times += 1;
    }

    pub fn received(&mut self, id: &str, by: &str) {
        *self.received.entry(id.to_owned()).or_default().entry(by.to_owned()).or_default() += 1;
    }

    pub fn answered(&mut self, id: &str, code: &str) {
        if let Some(sent) = self.sent.get_mut(id) {
            sent.codes.push(code.to_owned());
        }
    }

    pub fn finished(&mut self, final_messages: HashSet<String>) {
        self.finished += 1;
        self.final_messages.extend(final_messages);
    }

    pub fn finished_users(&self) -> usize {
        self.finished
    }
}

/// Panics unless every outcome is true.
pub fn check(record: &Record) {
    let mut figures: BTreeMap<String, usize> = BTreeMap::new();
    for (id, sent) in &record.sent {
        let arrivals = record.received.get(id);
        let times = arrivals.and_then(|users| users.get(&sent.to)).copied().unwrap_or(0);
        let users = arrivals.map_or(0, HashMap::len);
        assert_eq!(users, usize::from(times > 0), "{id} arrived at another user: {arrivals:?}");
        assert!(times <= sent.times.max(1), "{id} was sent {} times and arrived {times} times", sent.times);
        let outcome = sent.codes.last().map_or("nothing", String::as_str);
        *figures.entry(format!("{:?}: {outcome}", sent.asked)).or_default() += 1;
        match (sent.asked, outcome) {
            (Asked::Confirmation, "DELIVERED" | "delivered") => {
                assert!(times > 0, "{id} was reported as delivered")
            }
            // A message that was sent again may have arrived the first time.
            (_, "RECIPIENT_OFFLINE" | "INTERNAL_ERROR" | "failed") if sent.times == 1 => {
                assert_eq!(times, 0, "{id} was reported as not delivered, with {outcome}");
            }
            (_, "RECIPIENT_OFFLINE" | "INTERNAL_ERROR" | "failed") => {}
            (_, "DELIVERY_UNCONFIRMED" | "unconfirmed") => {}
            (Asked::Nothing, "nothing") => {}
            other => panic!("{id} was answered by {other:?}: {sent:?}"),
        }
        assert!(sent.codes.len() <= sent.times, "{id} was answered more often than sent: {sent:?}");
        if record.final_messages.contains(id) {
            assert!(
                matches!(outcome, "DELIVERED" | "delivered"),
                "{id}, sent without a fault, ended as {outcome}"
            );
        }
    }
    println!("{} messages: {figures:#?}", record.sent.len());
}

/// Shows that the check fails for false outcomes.
mod tests {
    use super::*;

    /// Returns the record of one message to bob, sent `sent` times, with the codes for the sender and the arrivals.
    fn record(asked: Asked, sent: usize, codes: &[&str], arrivals: &[(&str, usize)]) -> Record {
        let mut record = Record::default();
        record.begin("m", "bob", asked);
        for _ in 0..sent {
            record.sent("m");
        }
        for code in codes {
            record.answered("m", code);
        }
        for &(user, times) in arrivals {
            for _ in 0..times {
                record.received("m", user);
            }
        }
        record
    }

    #[test]
    fn true_reports_pass() {
        check(&record(Asked::Confirmation, 1, &["DELIVERED"], &[("bob", 1)]));
        check(&record(Asked::Confirmation, 1, &["RECIPIENT_OFFLINE"], &[]));
        check(&record(Asked::Nothing, 1, &[], &[("bob", 1)]));
        check(&record(Asked::Nothing, 2, &["INTERNAL_ERROR"], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "was reported as delivered")]
    fn false_delivered_is_detected() {
        check(&record(Asked::Confirmation, 1, &["DELIVERED"], &[]));
    }

    #[test]
    #[should_panic(expected = "was reported as not delivered")]
    fn false_offline_is_detected() {
        check(&record(Asked::Nothing, 1, &["RECIPIENT_OFFLINE"], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "arrived 2 times")]
    fn duplicate_message_is_detected() {
        check(&record(Asked::Confirmation, 1, &["DELIVERED"], &[("bob", 2)]));
    }

    #[test]
    #[should_panic(expected = "arrived at another user")]
    fn misdirected_message_is_detected() {
        check(&record(Asked::Nothing, 1, &[], &[("eve", 1)]));
    }

    #[test]
    #[should_panic(expected = "was answered by")]
    fn missing_outcome_is_detected() {
        check(&record(Asked::Confirmation, 1, &[], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "was answered more often than sent")]
    fn second_outcome_is_detected() {
        check(&record(Asked::Confirmation, 1, &["DELIVERY_UNCONFIRMED", "DELIVERED"], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "sent without a fault")]
    fn failure_without_fault_is_detected() {
        let mut record = record(Asked::Confirmation, 1, &["INTERNAL_ERROR"], &[]);
        record.finished(HashSet::from(["m".to_owned()]));
        check(&record);
    }
}
