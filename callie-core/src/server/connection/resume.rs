//! A connection that is lost and resumed (protocol, "Resumption").

use std::time::Duration;

use super::Connection;
use crate::name::ConnectionId;
use crate::party::Recipient;
use crate::server::close::{CloseReason, Closing};
use crate::server::heartbeat::Heartbeat;
use crate::server::resuming::Resuming;
use crate::server::strikes::{Flood, Strikes};
use crate::server::written::{Text, WrittenTexts};

impl<R, T: Text> Connection<R, T> {
    /// Handles that the WebSocket is closed or lost, while the connection waits to be resumed. Until
    /// [`resume`](Self::resume) has succeeded, only [`answer`](Self::answer) may be called.
    ///
    /// If the server closes the WebSocket itself, `reason` is why, and the result is what to write before the close
    /// frame.
    pub fn go_away(&mut self, reason: Option<&CloseReason>) -> Option<Closing> {
        if std::mem::take(&mut self.is_welcome_queued) {
            self.out.pop_front();
        }
        self.ping_due = false;
        let user = Recipient::User(self.identity.username.clone());
        let closing = reason.map(|reason| Closing {
            first: Vec::new(),
            write_queued: false,
            last: reason.encode(user, (self.next_ids)()),
            code: reason.code(),
        });
        if let Some(resumption) = &mut self.resumption {
            resumption.go_away(closing.as_ref().is_some_and(|closing| closing.last.is_some()));
        }
        closing
    }

    /// Returns `true` if the connection is the one that the client asks to resume, and what the client has not received
    /// is kept.
    #[must_use]
    pub fn can_resume(&self, resuming: &Resuming) -> bool {
        self.resumption.as_ref().is_some_and(|resumption| {
            resumption.id == resuming.request.connection_id
                && self.identity.session_id == resuming.identity.session_id
                && resumption.can_resume(resuming.request.received.get())
        })
    }

    /// Returns `true` if the connection can be resumed by a client that has received `received` texts.
    #[must_use]
    pub fn can_resume_after(&self, received: u64) -> bool {
        self.resumption.as_ref().is_some_and(|resumption| resumption.can_resume(received))
    }

    /// Continues the connection on another WebSocket, if it [can be](Self::can_resume) resumed; returns whether it was.
    /// [`go_away`](Self::go_away) must have been called before.
    ///
    /// The next texts of [`poll`](Self::poll) are `AUTHENTICATED` and those that the client has not received. The features
    /// in force are those of the beginning. The heartbeat and the times of all receipts begin anew, and recent violations are forgotten.
    pub fn resume(&mut self, now: Duration, resuming: Resuming) -> bool {
        if !self.can_resume(&resuming) {
            return false;
        }
        let Resuming { config, request, identity, token, reply } = resuming;
        if let Some(resumption) = &mut self.resumption {
            resumption.resume(request.received.get());
        }
        self.config = config;
        *self.identity = identity;
        self.token = token;
        self.number += 1;
        self.draining = false;
        self.heartbeat = Heartbeat::new(now);
        self.strikes = Strikes::default();
        self.flood = Flood::default();
        self.pending.renew(now, self.config.times.confirmation);
        self.queue_welcome(&reply);
        true
    }

    /// Returns the ID under which the connection can be resumed; `None` if `resume` is not in force.
    #[must_use]
    pub fn connection_id(&self) -> Option<&ConnectionId> {
        self.resumption.as_ref().map(|resumption| &resumption.id)
    }

    /// Returns the texts that are kept for a resumption; `None` if `resume` is not in force.
    #[must_use]
    pub fn written_texts(&self) -> Option<&WrittenTexts<T>> {
        self.resumption.as_ref().map(|resumption| &resumption.texts)
    }
}
