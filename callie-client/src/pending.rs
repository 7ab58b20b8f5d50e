//! Messages without an outcome: they are stored before they count as accepted, and can be listed.

use std::sync::Arc;

use callie_core::session::Now;

use crate::error::{Error, code};
use crate::handle::Client;
use crate::process::Process;
use crate::shared::Core;
use crate::ticket::Ticket;

impl Client {
    /// Hands a message to the session, and returns when it is stored, if the client has a state.
    pub(crate) fn submit_stored(
        &self,
        what: impl FnOnce(&mut Core, Now) -> Result<Ticket, Error>,
    ) -> Result<Ticket, Error> {
        let Some(state) = &self.shared().state else { return self.submit(what) };
        if state.is_own_thread() {
            let reason = "the store of a client's state cannot send messages";
            return Err(Error::invalid(code::INVALID_ARGUMENT, reason));
        }
        let (ticket, change) = self.submit(|core, now| {
            let ticket = what(core, now)?;
            core.collect();
            Ok((ticket, core.change))
        })?;
        if let Err(error) = state.wait(change) {
            self.shared().core().refuse(ticket.number());
            return Err(error);
        }
        Ok(ticket)
    }

    /// Returns the messages without an outcome, in the order in which they were accepted; after the start of a client with
    /// a state, those that an earlier client accepted. Their outcomes are events too.
    ///
    /// A message that an earlier client accepted and that is not among them has an outcome, which that client reported.
    ///
    /// # Errors
    /// [`Internal`](crate::ErrorKind::Internal) in a child of the process that made the client.
    pub fn pending(&self) -> Result<Vec<Ticket>, Error> {
        self.here()?;
        Ok(self.shared().core().pending(self.shared().home))
    }
}

impl Core {
    /// Registers the slots of the messages of an earlier process, and hands out the first changes.
    pub(crate) fn expect_restored(&mut self) {
        let restored: Vec<_> = self.session.pending().map(|(ticket, id)| (ticket, id.clone())).collect();
        for (ticket, message_id) in restored {
            self.expect(ticket, Some(message_id));
        }
        self.collect();
    }

    /// Returns the messages without an outcome, in the order in which they were accepted.
    pub(crate) fn pending(&self, home: Process) -> Vec<Ticket> {
        let slot = |number| self.waiting.get(&number).map(|waiting| Arc::clone(&waiting.slot));
        self.session
            .pending()
            .filter_map(|(ticket, id)| {
                let number = ticket.number();
                Some(Ticket { number, message_id: id.clone(), slot: slot(number)?, home })
            })
            .collect()
    }

    /// Forgets a message that was not accepted, because it was not stored.
    pub(crate) fn refuse(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
    }
}
