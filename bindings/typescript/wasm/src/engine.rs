//! The session, and what its outputs mean for the driver and the application.

use std::collections::{HashMap, VecDeque};

use callie_core::session::{
    self, AttemptFailure, Failure, Now, Random, Receipt, Session, State, TicketOutcome,
};
use callie_core::{CodeKind, LINK_LOST, MessageId, Recipient, SysCode, Token};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Closed, Error, ErrorKind};
use crate::events::{Answer, ConnectionState, Event, Output, SendOutcome, refusal};
use crate::fields::Fields;
use crate::requests::{Outgoing, command, config};

/// A client: its session, and what waits for the session's events.
pub(crate) struct Engine {
    session: Session,
    waiting: HashMap<u64, Waiting>,
    /// The receipts of the messages that the application has not taken, in order.
    receipts: VecDeque<Receipt>,
    /// Why the last connection failed, if known.
    why: Option<Error>,
    /// The number of texts received since the driver has fetched outputs.
    texts: usize,
    /// Outputs that the driver has not fetched: a JSON array without its end, and the number of its elements.
    out: String,
    count: usize,
}

/// What a ticket belongs to.
enum Waiting {
    Message(MessageId),
    Command,
    Ping,
    /// A command without an answer.
    Signal,
}

/// A payload that was accepted for sending; if it is a message, with its ID.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted {
    ticket: u64,
    message_id: Option<MessageId>,
}

/// What the session knows about itself.
#[derive(Serialize)]
pub(crate) struct Summary<'a> {
    state: ConnectionState,
    limits: &'a callie_core::Limits,
    duplicates: u64,
    waiting: usize,
    token: &'a str,
    /// Why the client has ended, if it has.
    closed: Option<Closed>,
}

impl Engine {
    pub(crate) fn new(fields: &mut Fields, random: Random) -> Result<Self, Error> {
        Ok(Self {
            session: Session::new(config(fields)?, random),
            waiting: HashMap::new(),
            receipts: VecDeque::new(),
            why: None,
            texts: 0,
            out: String::new(),
            count: 0,
        })
    }

    /// The connection and the passing of time: reports that change the session, and requests that it may refuse.
    pub(crate) fn request(
        &mut self,
        now: Now,
        what: impl FnOnce(&mut Session, Now) -> Result<(), session::SessionClosed>,
    ) -> Result<(), Error> {
        let done = what(&mut self.session, now);
        self.collect();
        done.map_err(|_| self.closed_error())
    }

    pub(crate) fn report(&mut self, what: impl FnOnce(&mut Session)) {
        what(&mut self.session);
        self.collect();
    }

    pub(crate) fn received(&mut self, now: Now, text: &str) {
        self.report(|session| session.received(now, text));
        self.texts += 1;
    }

    /// Handles the end of a connection: the server's close code, none if the connection was lost or never open; kind, code and
    /// reason of the error, if known; and the wait that the server asked for.
    pub(crate) fn link_closed(&mut self, now: Now, fields: &mut Fields) {
        let close_code = fields.whole().and_then(|code| u16::try_from(code).ok());
        let (kind, code, reason) = (fields.text(), fields.text(), fields.text());
        if !kind.is_empty() {
            self.why.get_or_insert_with(|| Error::new(ErrorKind::of_link(&kind), code, reason));
        }
        let retry_after = fields.duration();
        self.report(|session| session.closed(now, close_code, retry_after));
    }

    pub(crate) fn token_refreshed(&mut self, now: Now, token: &str) {
        match Token::parse(token) {
            Ok(token) => self.report(|session| session.token_refreshed(now, token)),
            Err(error) => {
                let reason = format!("no new token: it must be {error}");
                self.report(|session| session.token_refresh_failed(now, reason));
            }
        }
    }

    /// Records that the application has taken the messages up to this receipt.
    pub(crate) fn taken(&mut self, now: Now, receipt: u64) {
        let mut last = None;
        while let Some(next) = self.receipts.pop_front_if(|next| next.number() <= receipt) {
            last = Some(next);
        }
        if let Some(last) = last {
            self.report(|session| session.taken(now, last));
        }
    }

    pub(crate) fn send(&mut self, now: Now, fields: &mut Fields) -> Result<Accepted, Error> {
        self.check_open()?;
        let mut outgoing = Outgoing::read(fields)?;
        let message_id = outgoing.message_id.take().unwrap_or_else(|| self.session.message_id(now));
        let (recipient, options) = (outgoing.recipient.clone(), std::mem::take(&mut outgoing.options));
        let message = outgoing.message(message_id.clone(), self.session.limits())?;
        let ticket = self.session.send(now, recipient, message, &options)?;
        Ok(self.accepted(ticket, Waiting::Message(message_id)))
    }

    pub(crate) fn command(&mut self, now: Now, fields: &mut Fields) -> Result<Accepted, Error> {
        self.check_open()?;
        let call = command(fields)?;
        let waiting = if call.command().as_str() == "SIGNAL" { Waiting::Signal } else { Waiting::Command };
        let ticket = self.session.call(now, call)?;
        Ok(self.accepted(ticket, waiting))
    }

    pub(crate) fn ping(&mut self, now: Now, recipient: &str) -> Result<Accepted, Error> {
        self.check_open()?;
        let recipient = Recipient::parse(recipient).map_err(|e| Error::argument("recipient", e))?;
        let ticket = self.session.ping(now, recipient)?;
        Ok(self.accepted(ticket, Waiting::Ping))
    }

    fn accepted(&mut self, ticket: session::Ticket, waiting: Waiting) -> Accepted {
        let ticket = ticket.number();
        let message_id = match &waiting {
            Waiting::Message(message_id) => Some(message_id.clone()),
            _ => None,
        };
        self.waiting.insert(ticket, waiting);
        self.collect();
        Accepted { ticket, message_id }
    }

    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary {
            state: self.shown(self.session.state()),
            limits: self.session.limits(),
            duplicates: self.session.duplicates(),
            waiting: self.session.waiting(),
            token: self.session.token().expose(),
            closed: self.closed(),
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.session.waiting()
    }

    /// When `wake` must be called at the latest, in milliseconds of the driver's clock; infinite while nothing is due.
    pub(crate) fn deadline_ms(&self) -> f64 {
        self.session.deadline().map_or(f64::INFINITY, |at| at.as_secs_f64() * 1000.0)
    }

    /// The number of outputs that the driver has not fetched.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns all outputs as a JSON array.
    pub(crate) fn outputs(&mut self) -> String {
        self.count = 0;
        self.texts = 0;
        let mut out = std::mem::take(&mut self.out);
        out.push_str(if out.is_empty() { "[]" } else { "]" });
        out
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.session.is_closed() { Err(self.closed_error()) } else { Ok(()) }
    }

    fn closed(&self) -> Option<Closed> {
        match self.session.state() {
            State::Closed(by) => Some(by.into()),
            _ => None,
        }
    }

    fn closed_error(&self) -> Error {
        self.closed().map_or_else(|| Error::internal("the client has not ended"), |closed| closed.to_error())
    }

    fn push(&mut self, output: &Output<'_>) {
        // Names, numbers, texts and checked JSON always serialise.
        let Ok(json) = serde_json::to_string(output) else { return };
        self.out.push(if self.out.is_empty() { '[' } else { ',' });
        self.out.push_str(&json);
        self.count += 1;
    }

    fn tell(&mut self, event: Event<'_>) {
        self.push(&Output::Tell { event });
    }

    /// Collects the session's outputs.
    fn collect(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                session::Output::Open => {
                    self.why = None;
                    self.push(&Output::Open);
                }
                session::Output::Transmit(text) => self.push(&Output::Transmit { text: &text }),
                session::Output::Close => self.push(&Output::Close),
                session::Output::Abort => self.push(&Output::Abort),
                session::Output::RefreshToken(refusal) => {
                    self.push(&Output::RefreshToken { code: &Closed::from(&refusal).code });
                }
                // Only a restored session has changes to store.
                session::Output::Store { .. } => {}
                session::Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: session::Event) {
        match event {
            session::Event::State(State::Closed(by)) => self.tell(Event::Closed(Closed::from(&by))),
            session::Event::State(state) => {
                if let State::Online { .. } = state {
                    self.why = None;
                }
                let state = self.shown(&state);
                self.tell(Event::ConnectionChanged { state });
            }
            session::Event::Attempted(_, outcome) => {
                let error = outcome.err().map(|failure| self.attempt_error(failure));
                self.push(&Output::Attempted { error });
            }
            session::Event::Ended(ticket, outcome) => self.ended(ticket.number(), outcome),
            session::Event::Message(_, receipt) => {
                self.receipts.push_back(receipt);
                self.push(&Output::Deliver { text: self.texts, receipt: receipt.number() });
            }
            session::Event::Unreadable(fault) => {
                // An online session has no attempt to complete.
                if !matches!(self.session.state(), State::Online { .. }) {
                    self.why.get_or_insert_with(|| Error::bad_answer(&fault));
                }
                self.tell(Event::unreadable(&fault));
            }
            session::Event::Notice(notice) => {
                if notice.code().kind() == CodeKind::Closing {
                    self.why = Some(Error::refused(notice.code().as_str(), notice.description()));
                }
                self.tell(Event::notice(&notice));
            }
            session::Event::Push(push) => {
                if let Some(event) = Event::push(&push) {
                    self.tell(event);
                }
            }
            session::Event::DeliveredLate { payload_id, message_id } => {
                self.tell(Event::DeliveredLate { payload_id: &payload_id, message_id: &message_id });
            }
            session::Event::Unknown(payload) => self.tell(Event::Unknown { payload: &payload }),
            // A later core may have further events.
            _ => {}
        }
    }

    fn ended(&mut self, ticket: u64, outcome: TicketOutcome) {
        let answer = match self.waiting.remove(&ticket) {
            Some(Waiting::Message(message_id)) => {
                let outcome = SendOutcome::from(outcome);
                return self.tell(Event::Ended { ticket, message_id, outcome });
            }
            Some(Waiting::Command) => self.command_answer(outcome),
            Some(Waiting::Ping) => match outcome {
                TicketOutcome::Pong { round_trip } => Answer::RoundTripUs(round_trip.as_micros() as u64),
                other => Answer::Error(self.unanswered(other)),
            },
            Some(Waiting::Signal) | None => return,
        };
        self.push(&Output::Answered { ticket, answer });
    }

    fn command_answer(&self, outcome: TicketOutcome) -> Answer {
        match outcome {
            // It is part of a payload that was checked.
            TicketOutcome::Done { result } => {
                Answer::Ok(result.and_then(|json| RawValue::from_string(json).ok()))
            }
            TicketOutcome::Sent => Answer::Ok(None),
            other => Answer::Error(self.unanswered(other)),
        }
    }

    /// Why there is no answer.
    fn unanswered(&self, outcome: TicketOutcome) -> Error {
        match outcome {
            TicketOutcome::Failed(Failure::Refused { code, description, path }) => {
                refusal(code, &description, &path)
            }
            TicketOutcome::Offline => {
                let code = SysCode::RecipientOffline;
                Error::refused(code.as_str(), code.description())
            }
            TicketOutcome::Failed(Failure::Disconnected) => self.closed_error(),
            TicketOutcome::Failed(_) => Error::timed_out(
                "it was not sent in time: the client was not connected, or too much was waiting to be sent",
            ),
            TicketOutcome::Unconfirmed if self.session.is_closed() => self.closed_error(),
            TicketOutcome::Unconfirmed => {
                Error::timed_out("there was no answer in time; it may or may not have been carried out")
            }
            _ => Error::bad_answer("the answer to another request"),
        }
    }

    /// The state as the application sees it.
    fn shown(&self, state: &State) -> ConnectionState {
        match state {
            State::Connecting => ConnectionState::Connecting,
            State::Online { expires_at, limits, resumed } => ConnectionState::Online {
                expires_at: expires_at.map(|at| at.unix_millis()),
                limits: *limits,
                resumed: *resumed,
            },
            State::Waiting { retry_in, code } => ConnectionState::Waiting {
                retry_in_ms: retry_in.as_millis() as u64,
                close_code: *code,
                reason: self.reason(*code).reason,
            },
            State::RefreshingToken(refusal) => {
                let Closed { close_code, reason, .. } = refusal.into();
                ConnectionState::Waiting { retry_in_ms: 0, close_code, reason }
            }
            State::Closed(_) => ConnectionState::Closed,
            _ => ConnectionState::Suspended,
        }
    }

    /// Why there is no connection.
    fn reason(&self, close_code: u16) -> Error {
        self.why.clone().unwrap_or_else(|| match close_code {
            LINK_LOST => Error::timed_out("the server's answer took too long"),
            code => Error::unreachable(format_args!("the server closed with {code}")),
        })
    }

    /// Why an attempt to connect failed.
    fn attempt_error(&self, failure: AttemptFailure) -> Error {
        match failure {
            AttemptFailure::Lost { code } => self.reason(code),
            AttemptFailure::Suspended => Error::suspended(),
            _ => self.closed().map_or_else(|| self.closed_error(), |closed| closed.to_connect_error()),
        }
    }
}
