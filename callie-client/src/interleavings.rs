//! Runs the state that the handle, the driver and the readers share in many random orders of their threads.
//!
//! The locks are shuttle's here (see `sync`). A small driver replaces the real one, which needs sockets: it takes
//! actions and ends by the same calls, and its server accepts every connection. A failing order is printed with its
//! seed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use callie_core::session::{self, SendOptions, SessionConfig};
use callie_core::{
    CloseCode, EnvelopeIds, Limits, Message, MessageId, Notice, PayloadId, PayloadRef, Recipient, SysCode,
    Timestamp, Token, Username,
};
use shuttle::future::block_on;
use shuttle::thread::{self, JoinHandle};

use crate::clock::Clock;
use crate::error::{BoxError, Error, ErrorKind, code};
use crate::event::{Closed, ConnectionState, Event};
use crate::queue::{Refused, Taker};
use crate::refresh::{Source, TokenSource};
use crate::shared::{Action, Shared};

/// The number of random orders for each test.
const ORDERS: usize = 1_000;
/// The number of sends of each test: each adds a point at which threads can switch.
const SENDS: u64 = 3;

/// A token that the server refuses.
const EXPIRED: &str = "expired";

fn shared() -> Arc<Shared> {
    with_token("token")
}

fn with_token(token: &str) -> Arc<Shared> {
    let config = SessionConfig::new(Username::parse("ada").unwrap(), Token::parse(token).unwrap());
    let mut random = 0;
    let session = session::Session::new(
        config,
        Box::new(move || {
            random += 1;
            random
        }),
    );
    Arc::new(Shared::new(session, Clock::new(), None, 16))
}

/// The driver's state at its end.
#[derive(Debug, Default)]
struct Done {
    written: usize,
    closes: usize,
    open: bool,
}

/// Does what `driver.rs` does, without sockets.
fn drive(shared: &Arc<Shared>) -> JoinHandle<Done> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let (mut steps, mut done, mut number, mut over) = (Vec::new(), Done::default(), 0, false);
        block_on(poll_fn(|cx| {
            shared.driver.register(cx.waker());
            over |= shared.take(&mut steps);
            while !steps.is_empty() {
                let (mut events, mut fills, mut answers) = (Vec::new(), Vec::new(), Vec::new());
                for step in std::mem::take(&mut steps) {
                    match step {
                        Action::Open(opened) => {
                            (number, done.open) = (opened, true);
                            over |= shared.drive(&mut steps, |core, now| {
                                if core.link == number {
                                    core.session.opened(now);
                                }
                            });
                        }
                        Action::Transmit(text, _) => {
                            done.written += usize::from(!text.contains("AUTHENTICATE"));
                            if text.contains(EXPIRED) {
                                over |= shared.drive(&mut steps, |core, now| {
                                    if core.link == number {
                                        done.open = false;
                                        let refused = CloseCode::Authentication.as_u16();
                                        core.session.closed(now, Some(refused), None);
                                    }
                                });
                            } else if let Some(welcome) = welcome(&text) {
                                over |= shared.drive(&mut steps, |core, now| {
                                    if core.link == number {
                                        core.session.received(now, &welcome);
                                    }
                                });
                            }
                        }
                        Action::Close | Action::Abort => {
                            done.closes += usize::from(done.open);
                            done.open = false;
                        }
                        Action::Tell(event) => events.push(event),
                        Action::Fill(slot, outcome) => fills.push((slot, outcome)),
                        Action::Answer(attempt, answer) => answers.push((attempt, answer)),
                        Action::RefreshToken { source, username, reason } => {
                            let shared = Arc::clone(&shared);
                            thread::spawn(move || {
                                let token = source.0.token(&username, &reason).unwrap();
                                shared.ask(|core, now| core.session.token_refreshed(now, token));
                            });
                        }
                    }
                }
                shared.queue.push(&mut events);
                fills.into_iter().for_each(|(slot, outcome)| slot.fill(outcome));
                answers.into_iter().for_each(|(attempt, answer)| attempt.fill(answer));
                over |= shared.take(&mut steps);
            }
            if over { Poll::Ready(()) } else { Poll::Pending }
        }));
        shared.finish(steps);
        done
    })
}

/// The answer to an `AUTHENTICATE`.
fn welcome(text: &str) -> Option<String> {
    let frame = PayloadRef::from_client(text, &Limits::default()).ok()?;
    text.contains("AUTHENTICATE").then_some(())?;
    let id = PayloadId::parse(frame.payload_id()).ok()?;
    let to = Recipient::User(Username::parse("ada").ok()?);
    let ids = EnvelopeIds { payload_id: PayloadId::parse("n").ok()?, timestamp: Timestamp::UNIX_EPOCH };
    Some(Notice::builder(SysCode::Authenticated).in_reply_to(id).to_payload(to, ids).encode())
}

/// Sends, and returns the accepted tickets.
fn send(shared: &Arc<Shared>) -> JoinHandle<Vec<u64>> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut taken = Vec::new();
        for n in 0..SENDS {
            let id = MessageId::parse(&format!("m{n}")).unwrap();
            let message = Message::builder(id.clone()).text("x").build().unwrap();
            let to = Recipient::User(Username::parse("bob").unwrap());
            let slot = shared.ask(|core, now| {
                if core.session.is_closed() {
                    return None;
                }
                let ticket = core.session.send(now, to, message, &SendOptions::default()).unwrap();
                Some((ticket.number(), core.expect(ticket, Some(id))))
            });
            let Some((number, slot)) = slot else { break };
            taken.push(number);
            // The outcome is checked by its event. Shuttle reports a slot that is never set as a deadlock.
            thread::spawn(move || block_on(slot.get()));
        }
        taken
    })
}

/// Reads all events to the last.
fn read(shared: &Arc<Shared>) -> JoinHandle<Vec<Event>> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut events = Vec::new();
        while let Ok(batch) = block_on(shared.queue.next(2, Taker::Calls)) {
            events.extend(batch.events);
        }
        events
    })
}

/// The end caused by the application.
fn closed() -> Closed {
    Closed::from(&session::ClosedBy::Application)
}

fn disconnect(shared: &Arc<Shared>) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        shared.disconnect();
        block_on(shared.over.get());
    })
}

#[test]
fn disconnect_leaves_nothing_undone() {
    shuttle::check_random(
        || {
            let shared = shared();
            shared.ask(|core, now| core.session.start(now)).unwrap();
            let (driver, reader) = (drive(&shared), read(&shared));
            let (sender, other) = (send(&shared), disconnect(&shared));
            let taken = sender.join().unwrap();
            other.join().unwrap();
            let (done, events) = (driver.join().unwrap(), reader.join().unwrap());
            let ended: Vec<_> = events
                .iter()
                .filter_map(|event| match event {
                    Event::Ended { ticket, .. } => Some(*ticket),
                    _ => None,
                })
                .collect();
            assert_eq!(ended, taken, "each has its one outcome");
            assert!(matches!(events.last(), Some(Event::Closed(_))), "{events:?}");
            assert!(!done.open, "the connection is closed: {done:?}");
            assert_eq!(shared.core().state(), ConnectionState::Closed);
        },
        ORDERS,
    );
}

#[test]
fn connect_ends_whatever_others_do() {
    shuttle::check_random(
        || {
            let shared = shared();
            let driver = drive(&shared);
            let connects = [(); 2].map(|()| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let attempt = shared.ask(|core, now| core.connect(now)).unwrap();
                    block_on(attempt.get())
                })
            });
            let other = Arc::clone(&shared);
            let calls = thread::spawn(move || {
                other.ask(|core, now| core.session.suspend(now)).unwrap();
                other.ask(|core, now| core.session.resume(now)).unwrap();
                other.ask(|core, now| core.session.suspend(now)).unwrap();
            });
            for connect in connects {
                let done = connect.join().unwrap();
                let suspended = |error: &Error| error.kind() == ErrorKind::Unreachable;
                assert!(done.as_ref().err().is_none_or(suspended), "{done:?}");
            }
            calls.join().unwrap();
            let attempt = shared.ask(|core, now| core.connect(now)).unwrap();
            block_on(attempt.get()).unwrap();
            assert!(matches!(shared.core().state(), ConnectionState::Online { .. }));
            disconnect(&shared).join().unwrap();
            let done = driver.join().unwrap();
            assert!(!done.open, "{done:?}");
        },
        ORDERS,
    );
}

struct Fresh;

impl TokenSource for Fresh {
    fn token(&self, _: &str, _: &str) -> Result<Token, BoxError> {
        Ok(Token::parse("fresh")?)
    }
}

#[test]
fn token_at_any_moment_brings_client_online() {
    shuttle::check_random(
        || {
            let shared = with_token(EXPIRED);
            shared.ask(|core, _| core.set_source(Some(Source(Arc::new(Fresh)))));
            let driver = drive(&shared);
            let connecting = Arc::clone(&shared);
            let connect = thread::spawn(move || {
                let attempt = connecting.ask(|core, now| core.connect(now)).unwrap();
                block_on(attempt.get())
            });
            let other = Arc::clone(&shared);
            let calls = thread::spawn(move || {
                other.ask(|core, now| core.session.suspend(now)).unwrap();
                other.ask(|core, now| core.session.resume(now)).unwrap();
            });
            let done = connect.join().unwrap();
            assert!(done.as_ref().err().is_none_or(|error| error.code() == code::SUSPENDED), "{done:?}");
            calls.join().unwrap();
            let attempt = shared.ask(|core, now| core.connect(now)).unwrap();
            block_on(attempt.get()).unwrap();
            assert_eq!(shared.core().session.token().expose(), "fresh");
            disconnect(&shared).join().unwrap();
            let done = driver.join().unwrap();
            assert!(!done.open, "{done:?}");
        },
        ORDERS,
    );
}

#[test]
fn two_readers_share_events_and_both_end() {
    shuttle::check_random(
        || {
            let shared = shared();
            let readers = [read(&shared), read(&shared)];
            let writer = Arc::clone(&shared);
            let writer = thread::spawn(move || {
                for _ in 0..5 {
                    writer
                        .queue
                        .push(&mut vec![Event::ConnectionChanged(ConnectionState::Connecting).into()]);
                }
                writer.queue.complete(closed());
            });
            writer.join().unwrap();
            let seen: usize = readers.map(|reader| reader.join().unwrap().len()).into_iter().sum();
            assert_eq!(seen, 6);
        },
        ORDERS,
    );
}

#[test]
fn listener_gets_what_a_waiting_call_does_not() {
    shuttle::check_random(
        || {
            let shared = shared();
            let call = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let mut seen = 0;
                    loop {
                        match block_on(shared.queue.next(1, Taker::Calls)) {
                            Ok(batch) => seen += batch.events.len(),
                            Err(Refused::Listening) => break seen,
                            Err(Refused::Closed) => panic!("it is not complete"),
                        }
                    }
                })
            };
            let listener = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.queue.listen().unwrap();
                    let mut seen = 0;
                    while let Ok(batch) = block_on(shared.queue.next(1, Taker::Listener)) {
                        seen += batch.events.len();
                    }
                    seen
                })
            };
            for _ in 0..3 {
                shared.queue.push(&mut vec![Event::ConnectionChanged(ConnectionState::Connecting).into()]);
            }
            let listening = call.join().unwrap();
            shared.queue.complete(closed());
            assert_eq!(listening + listener.join().unwrap(), 4);
        },
        ORDERS,
    );
}
