//! What users were told, held against what arrived.

use std::collections::{BTreeMap, HashMap, HashSet};

/// What the sender wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// That it arrived.
    Confirmation,
    /// That it did not.
    Nothing,
}

#[derive(Debug, Clone)]
struct Sent {
    to: String,
    asked: Asked,
    /// How often it was written to a socket: again after a lost connection.
    times: usize,
    /// What the sender was told.
    told: Vec<String>,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct Record {
    sent: HashMap<String, Sent>,
    /// How often each payload came to each user.
    received: HashMap<String, HashMap<String, usize>>,
    last_words: HashSet<String>,
    finished: usize,
}

impl Record {
    pub fn begin(&mut self, id: &str, to: &str, asked: Asked) {
        self.sent.insert(id.to_owned(), Sent { to: to.to_owned(), asked, times: 0, told: Vec::new() });
    }

    pub fn sent(&mut self, id: &str) {
        self.sent.get_mut(id).unwrap().times += 1;
    }

    pub fn received(&mut self, id: &str, by: &str) {
        *self.received.entry(id.to_owned()).or_default().entry(by.to_owned()).or_default() += 1;
    }

    pub fn answered(&mut self, id: &str, code: &str) {
        if let Some(sent) = self.sent.get_mut(id) {
            sent.told.push(code.to_owned());
        }
    }

    pub fn finished(&mut self, last_words: HashSet<String>) {
        self.finished += 1;
        self.last_words.extend(last_words);
    }

    pub fn finished_users(&self) -> usize {
        self.finished
    }
}

/// Fails unless everyone was told the truth.
pub fn pass(record: &Record) {
    let mut figures: BTreeMap<String, usize> = BTreeMap::new();
    for (id, sent) in &record.sent {
        let arrivals = record.received.get(id);
        let times = arrivals.and_then(|users| users.get(&sent.to)).copied().unwrap_or(0);
        let users = arrivals.map_or(0, HashMap::len);
        assert_eq!(users, usize::from(times > 0), "{id} came to somebody else: {arrivals:?}");
        assert!(times <= sent.times.max(1), "{id} was sent {} times and came {times} times", sent.times);
        let told = sent.told.last().map_or("nothing", String::as_str);
        *figures.entry(format!("{:?}: {told}", sent.asked)).or_default() += 1;
        match (sent.asked, told) {
            (Asked::Confirmation, "DELIVERED" | "delivered") => {
                assert!(times > 0, "{id} was said to be delivered")
            }
            // What was sent once more may have arrived the first time.
            (_, "RECIPIENT_OFFLINE" | "INTERNAL_ERROR" | "failed") if sent.times == 1 => {
                assert_eq!(times, 0, "{id} was said not to have arrived, by {told}");
            }
            (_, "RECIPIENT_OFFLINE" | "INTERNAL_ERROR" | "failed") => {}
            (_, "DELIVERY_UNCONFIRMED" | "unconfirmed") => {}
            (Asked::Nothing, "nothing") => {}
            other => panic!("{id} was answered by {other:?}: {sent:?}"),
        }
        assert!(sent.told.len() <= sent.times, "{id} was answered more often than sent: {sent:?}");
        if record.last_words.contains(id) {
            assert!(
                matches!(told, "DELIVERED" | "delivered"),
                "{id}, sent when all was well, ended as {told}"
            );
        }
    }
    println!("{} messages: {figures:#?}", record.sent.len());
}

/// A verdict that cannot fail is worth nothing.
mod tests {
    use super::*;

    /// One message from a user to bob, sent `sent` times, with what the sender was told and how often it came to whom.
    fn record(asked: Asked, sent: usize, told: &[&str], came: &[(&str, usize)]) -> Record {
        let mut record = Record::default();
        record.begin("m", "bob", asked);
        for _ in 0..sent {
            record.sent("m");
        }
        for code in told {
            record.answered("m", code);
        }
        for &(user, times) in came {
            for _ in 0..times {
                record.received("m", user);
            }
        }
        record
    }

    #[test]
    fn the_truth_passes() {
        pass(&record(Asked::Confirmation, 1, &["DELIVERED"], &[("bob", 1)]));
        pass(&record(Asked::Confirmation, 1, &["RECIPIENT_OFFLINE"], &[]));
        pass(&record(Asked::Nothing, 1, &[], &[("bob", 1)]));
        pass(&record(Asked::Nothing, 2, &["INTERNAL_ERROR"], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "was said to be delivered")]
    fn a_delivery_that_was_none_is_seen() {
        pass(&record(Asked::Confirmation, 1, &["DELIVERED"], &[]));
    }

    #[test]
    #[should_panic(expected = "was said not to have arrived")]
    fn an_absence_that_was_none_is_seen() {
        pass(&record(Asked::Nothing, 1, &["RECIPIENT_OFFLINE"], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "came 2 times")]
    fn a_message_that_came_twice_is_seen() {
        pass(&record(Asked::Confirmation, 1, &["DELIVERED"], &[("bob", 2)]));
    }

    #[test]
    #[should_panic(expected = "came to somebody else")]
    fn a_message_that_went_astray_is_seen() {
        pass(&record(Asked::Nothing, 1, &[], &[("eve", 1)]));
    }

    #[test]
    #[should_panic(expected = "was answered by")]
    fn a_confirmation_that_never_came_is_seen() {
        pass(&record(Asked::Confirmation, 1, &[], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "was answered more often than sent")]
    fn a_second_answer_is_seen() {
        pass(&record(Asked::Confirmation, 1, &["DELIVERY_UNCONFIRMED", "DELIVERED"], &[("bob", 1)]));
    }

    #[test]
    #[should_panic(expected = "sent when all was well")]
    fn a_failure_when_all_was_well_is_seen() {
        let mut record = record(Asked::Confirmation, 1, &["INTERNAL_ERROR"], &[]);
        record.finished(HashSet::from(["m".to_owned()]));
        pass(&record);
    }
}
