//! The texts of connections that continue each other, and that each of them is written once and in order.

use std::collections::HashMap;

use callie_core::{ConnectionId, Notice, PayloadRef, SysCode};

use super::backend::Connection;

/// The texts that a server wrote after `AUTHENTICATED`, on a connection and those that continue it.
#[derive(Default)]
struct Chain {
    written: Vec<String>,
    /// Whether the last text was written with a close. It is not written again.
    ends_with_close: bool,
}

/// A connection's place in its chain.
struct Place {
    chain: usize,
    /// The number of texts before the next one.
    next: usize,
}

#[derive(Default)]
pub(super) struct Chains {
    all: Vec<Chain>,
    by_id: HashMap<ConnectionId, usize>,
    places: HashMap<Connection, Place>,
    /// The number of texts after which a connection is asked to resume another one.
    asked: HashMap<Connection, u64>,
}

impl Chains {
    /// A client asks to resume a connection after that number of texts.
    pub(super) fn asked(&mut self, connection: Connection, received: u64) {
        self.asked.insert(connection, received);
    }

    /// A text is written. It is new, or the next one of those to write again.
    pub(super) fn wrote(&mut self, connection: Connection, text: &str) {
        let Some(place) = self.places.get_mut(&connection) else {
            return self.opened(connection, text);
        };
        let Chain { written, .. } = &mut self.all[place.chain];
        match written.get(place.next) {
            Some(expected) => assert_eq!(expected, text, "another text is written again"),
            None => written.push(text.to_owned()),
        }
        place.next += 1;
    }

    /// The connection is authenticated, or refused.
    fn opened(&mut self, connection: Connection, text: &str) {
        let Some(notice) = Notice::read(&PayloadRef::from_server(text).unwrap()) else { unreachable!() };
        if notice.code() != SysCode::Authenticated {
            return;
        }
        let metadata = notice.metadata();
        let id = metadata.connection_id.clone().unwrap();
        let place = if metadata.resumed == Some(true) {
            let received = usize::try_from(self.asked[&connection]).unwrap();
            let chain = self.by_id[&id];
            let Chain { written, ends_with_close } = &mut self.all[chain];
            if std::mem::take(ends_with_close) && received < written.len() {
                written.pop();
            }
            assert!(received <= written.len(), "resumed after a text that was not written");
            Place { chain, next: received }
        } else {
            self.all.push(Chain::default());
            self.by_id.insert(id, self.all.len() - 1);
            Place { chain: self.all.len() - 1, next: 0 }
        };
        self.places.insert(connection, place);
    }

    /// The server closes a connection. The last text announced it.
    pub(super) fn closed(&mut self, connection: Connection) {
        if let Some(Place { chain, next }) = self.places.get(&connection) {
            let chain = &mut self.all[*chain];
            // A connection that is closed before all texts are written again is not continued after its announcement.
            chain.ends_with_close = *next == chain.written.len();
        }
    }

    /// Checks the text that a client has received with this number.
    pub(super) fn check_arrival(&self, connection: Connection, number: u64, text: &str) {
        let chain = &self.all[self.places[&connection].chain];
        let index = usize::try_from(number).unwrap() - 1;
        assert_eq!(chain.written[index], text, "text {number} is another one");
    }
}
