//! The client.

use std::ffi::{c_char, c_int};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callie_core::MAX_ID_BYTES;
use tokio::sync::Notify;

use super::attachment::{CallieAttachment, read_attachment};
use super::ending::CallieEnding;
use super::event::{Batch, CallieEvents, CallieState, EVENTS};
use super::ffi_guard::{Place, array, guard, optional_text, show, text};
use super::registry::Registry;
use super::server::{CallieSession, SESSIONS};
use super::status::{CallieStatus, Failure};
use super::text::{fixed, give};
use super::tickets::Tickets;
use crate::api;
use crate::gate::{Gate, Retired};
use crate::runtime::{block_on, inside};
use callie_client::{Client, Event, TokenSource};

/// One user's conversation with a server, across connections. Free it with `callie_client_free`. It may be used by several
/// threads at once.
pub struct CallieClient {
    _private: [u8; 0],
}

/// What a client's handle stands for.
pub(super) struct Held {
    pub(super) client: Client,
    tickets: Tickets,
    /// What the listener is called through.
    pub(super) listener: Arc<Gate>,
    source: Mutex<Source>,
    /// What earlier sources were called through.
    retired: Retired,
    /// The handle was freed.
    freed: AtomicBool,
    /// Wakes the calls that wait for events.
    released: Notify,
}

/// The client's source of tokens.
#[derive(Default)]
struct Source {
    gate: Option<Arc<Gate>>,
    /// The handle was freed: there can be no source any more.
    over: bool,
}

impl Held {
    fn new(client: Client) -> Self {
        Self {
            client,
            tickets: Tickets::default(),
            listener: Arc::new(Gate::new()),
            source: Mutex::default(),
            retired: Retired::default(),
            freed: AtomicBool::new(false),
            released: Notify::new(),
        }
    }

    /// Puts a source of tokens, called through its gate, in place of the one before, whose last call has returned then.
    pub(super) fn set_source(&self, next: Option<(Arc<Gate>, Arc<dyn TokenSource>)>) -> Result<(), Failure> {
        {
            let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            if source.over {
                return Err(Failure::dead(CLIENTS.name()));
            }
            let (gate, next) = next.unzip();
            self.client.set_token_source(next);
            if let Some(before) = std::mem::replace(&mut source.gate, gate) {
                self.retired.push(before);
            }
        }
        self.retired.close();
        Ok(())
    }

    /// Ends the client, wakes everyone who waits for it, and returns after the last call of its callbacks.
    fn release(&self) {
        self.freed.store(true, Ordering::Release);
        self.client.begin_disconnect();
        self.released.notify_waiters();
        {
            let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            source.over = true;
            self.client.set_token_source(None);
            if let Some(before) = source.gate.take() {
                self.retired.push(before);
            }
        }
        self.listener.close();
        self.retired.close();
    }

    /// Ends when the handle is freed.
    async fn until_freed(&self) {
        loop {
            let released = self.released.notified();
            if self.freed.load(Ordering::Acquire) {
                return;
            }
            released.await;
        }
    }

    /// Takes events; when the handle is freed it takes none, so that none are confirmed that nobody has seen.
    async fn next_events(&self, max: usize, wait: Duration) -> Result<Vec<Event>, Failure> {
        tokio::select! {
            biased;
            () = self.until_freed() => Err(Failure::freed()),
            taken = self.client.next_events(max, wait) => Ok(taken?),
        }
    }
}

pub(super) static CLIENTS: Registry<Held> = Registry::new("the client");

/// The size of an identifier with its NUL.
pub const CALLIE_ID_SIZE: usize = 129;
const _: () = assert!(CALLIE_ID_SIZE == MAX_ID_BYTES + 1);

/// The size of the longest token with its NUL.
pub const CALLIE_TOKEN_SIZE: usize = 513;

/// A message that was taken for sending.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSent {
    /// Names it in `callie_client_wait` and in the event of its end.
    pub ticket: u64,
    /// Its ID, a text that ends in NUL: edits and deletions name it.
    pub message_id: [c_char; CALLIE_ID_SIZE],
}

impl CallieSent {
    const NONE: Self = Self { ticket: 0, message_id: [0; CALLIE_ID_SIZE] };
}

/// How one message is sent. What is 0, NULL or false stands for the default.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSendOptions {
    /// Whether the recipient's client shall not confirm it. Broadcasts are never confirmed.
    pub unconfirmed: bool,
    /// Extensions, a JSON object, or NULL.
    pub metadata: *const c_char,
    /// How many milliseconds it may take to its end: as the server's options say.
    pub timeout_ms: u32,
}

/// A client for a session, not connected yet. The session's handle may be freed afterwards.
///
/// It lives until `callie_client_disconnect`, or until the server refuses it and no new token could be had; then an event of
/// the kind `CALLIE_EVENT_KIND_CLOSED` is told, and a new client is to be made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_new(
    session: *mut CallieSession,
    client: *mut *mut CallieClient,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the client can be written to.
        let client = unsafe { Place::at(client, "client", std::ptr::null_mut())? };
        let session = SESSIONS.get(session)?;
        let made = inside(|| Client::new(&session))??;
        client.put(CLIENTS.add(Held::new(made))?);
        Ok(())
    })
}

/// Connects, and keeps connecting after every loss until `callie_client_disconnect` or a refusal. It does not wait: events
/// tell how it goes.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_start(client: *mut CallieClient) -> CallieStatus {
    tell(client, Client::start)
}

/// Connects once, and waits for it; from then on as after `callie_client_start`.
///
/// If it does not work the client is as it was before, but for a refusal by the server, such as `AUTH_FAILED`, which ends it.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_connect(client: *mut CallieClient) -> CallieStatus {
    guard(|| Ok(block_on(CLIENTS.get(client)?.client.connect())??))
}

/// Closes the connection for a while, as for an app that goes to the background. What waits goes on waiting.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_suspend(client: *mut CallieClient) -> CallieStatus {
    tell(client, Client::suspend)
}

/// Connects again after `callie_client_suspend`.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_resume(client: *mut CallieClient) -> CallieStatus {
    tell(client, Client::resume)
}

/// The network is another: what waits for the next attempt tries at once, what is connected makes sure that it is.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_network_changed(client: *mut CallieClient) -> CallieStatus {
    tell(client, Client::network_changed)
}

fn tell(client: *mut CallieClient, what: impl FnOnce(&Client)) -> CallieStatus {
    guard(|| {
        what(&CLIENTS.get(client)?.client);
        Ok(())
    })
}

/// Sends a text in Markdown, with `attachment_count` attachments. The recipient is a username, a group's ID or `BROADCAST`.
///
/// It is taken at once, connected or not; `callie_client_wait` and an event of the kind `CALLIE_EVENT_KIND_ENDED` tell how it
/// ends. `attachments` may be NULL where there are none, `options` for the defaults, `sent` where nobody asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_send(
    client: *mut CallieClient,
    recipient: *const c_char,
    message: *const c_char,
    attachments: *const CallieAttachment,
    attachment_count: usize,
    options: *const CallieSendOptions,
    sent: *mut CallieSent,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: `sent` is NULL or can be written to.
        let sent =
            if sent.is_null() { None } else { Some(unsafe { Place::at(sent, "sent", CallieSent::NONE)? }) };
        let held = CLIENTS.get(client)?;
        let most = held.client.limits().max_attachments;
        // SAFETY: the caller's promise: the texts end in NUL, the array has that many elements whose texts end in NUL,
        // the options are NULL or can be read.
        let (recipient, message, attachments, options) = unsafe {
            let attachments = array(attachments, attachment_count, most, "attachments")?;
            let attachments = attachments.iter().map(|a| read_attachment(a)).collect::<Result<_, _>>()?;
            (text(recipient, "recipient")?, text(message, "message")?, attachments, read_options(options)?)
        };
        let ticket = api::send(&held.client, recipient, message.to_owned(), attachments, options)?;
        if let Some(sent) = sent {
            sent.put(CallieSent { ticket: ticket.number(), message_id: fixed(ticket.message_id().as_str()) });
            held.tickets.keep(ticket);
        }
        Ok(())
    })
}

/// Reads how a message is to be sent.
///
/// # Safety
/// `options` is NULL or can be read, and its text is NULL or ends in NUL.
unsafe fn read_options(options: *const CallieSendOptions) -> Result<Option<api::SendOptions>, Failure> {
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on to the caller.
    let (options, metadata) = unsafe {
        let options = options.read_unaligned();
        (options, optional_text(options.metadata, "metadata")?)
    };
    Ok(Some(api::SendOptions {
        confirm: !options.unconfirmed,
        metadata: metadata.map(str::to_owned),
        timeout_ms: (options.timeout_ms != 0).then(|| options.timeout_ms.into()),
    }))
}

/// Waits at most `timeout_ms` milliseconds for the end of a message, by the ticket in its `CallieSent`.
///
/// `CALLIE_STATUS_TIMED_OUT` says that it is not over yet. An end can be asked for again, until 4,096 later messages were
/// sent; after that, and for what is no ticket, it is `CALLIE_STATUS_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_wait(
    client: *mut CallieClient,
    ticket: u64,
    timeout_ms: u32,
    ending: *mut CallieEnding,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the ending can be written to.
        let place = unsafe { Place::at(ending, "ending", CallieEnding::NONE)? };
        let held = CLIENTS.get(client)?;
        let ticket = held.tickets.find(ticket)?;
        let patience = Duration::from_millis(timeout_ms.into());
        let ending = block_on(async { tokio::time::timeout(patience, ticket.outcome()).await })?;
        place.put(ending.map_err(|_| Failure::timed_out("the message is not over yet"))?.into());
        Ok(())
    })
}

/// Asks the server (`SERVER`) or a user for a sign of life. `microseconds` says how long it took; it may be NULL.
///
/// Refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_ping(
    client: *mut CallieClient,
    recipient: *const c_char,
    microseconds: *mut u64,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the text ends in NUL, the number is NULL or can be written to.
        let (recipient, place) = unsafe {
            let place =
                if microseconds.is_null() { None } else { Some(Place::at(microseconds, "microseconds", 0)?) };
            (text(recipient, "recipient")?, place)
        };
        let took = block_on(CLIENTS.get(client)?.client.ping(recipient))??;
        if let Some(place) = place {
            place.put(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        Ok(())
    })
}

/// Carries out a command by name, such as `LIST_GROUPS`. Parameters and result are JSON objects; the caller frees the result.
///
/// Refused with the server's code, such as `FORBIDDEN` or `INVALID_PARAMETERS`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_command(
    client: *mut CallieClient,
    name: *const c_char,
    parameters: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the result can be written to.
        let (name, parameters, result) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            (text(name, "name")?, text(parameters, "parameters")?, result)
        };
        result.put(give(block_on(CLIENTS.get(client)?.client.command(name, parameters))??)?);
        Ok(())
    })
}

/// Takes up to `max` events, waiting at most `timeout_ms` milliseconds for the first. Free the batch with `callie_events_free`.
///
/// The batch is empty when nothing came. The last event is of the kind `CALLIE_EVENT_KIND_CLOSED`; after it the call returns
/// `CALLIE_STATUS_CLOSED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_next_events(
    client: *mut CallieClient,
    max: usize,
    timeout_ms: u32,
    events: *mut *mut CallieEvents,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the batch can be written to.
        let events = unsafe { Place::at(events, "events", std::ptr::null_mut())? };
        let held = CLIENTS.get(client)?;
        let batch = block_on(held.next_events(max, Duration::from_millis(timeout_ms.into())))??;
        events.put(EVENTS.add(Batch::from_iter(batch))?);
        Ok(())
    })
}

/// A file descriptor that can be read from while events wait, to be polled by the program's own event loop. It belongs to the
/// client, which closes it when it is freed: it is not to be read from or closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_fd(client: *mut CallieClient, fd: *mut c_int) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the number can be written to.
        let fd = unsafe { Place::at(fd, "fd", -1)? };
        fd.put(descriptor(&CLIENTS.get(client)?.client)?);
        Ok(())
    })
}

#[cfg(unix)]
fn descriptor(client: &Client) -> Result<c_int, Failure> {
    Ok(client.descriptor()?)
}

#[cfg(not(unix))]
fn descriptor(_: &Client) -> Result<c_int, Failure> {
    Err(Failure::internal("this system has no file descriptors"))
}

/// How the client stands to its server.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_state(client: *mut CallieClient) -> CallieState {
    show(CallieState::None, || Ok(CallieState::from(&CLIENTS.get(client)?.client.state())))
}

/// Counts since a client was made.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct CallieStats {
    /// How often it came online.
    pub connects: u64,
    /// How often after the first time.
    pub reconnects: u64,
    /// Payloads written.
    pub payloads_sent: u64,
    /// Payloads read.
    pub payloads_received: u64,
    /// Messages taken for sending.
    pub messages_sent: u64,
    /// Messages told.
    pub messages_received: u64,
    /// Messages that came a second time and were not told again.
    pub duplicates: u64,
    /// Messages, pings and commands that are not over now.
    pub waiting: u64,
    /// Bytes of payloads written.
    pub bytes_sent: u64,
    /// Bytes of payloads read.
    pub bytes_received: u64,
}

/// What the client did so far, in numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_stats(
    client: *mut CallieClient,
    stats: *mut CallieStats,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the counts can be written to.
        let place = unsafe { Place::at(stats, "stats", CallieStats::default())? };
        let stats = CLIENTS.get(client)?.client.stats();
        place.put(CallieStats {
            connects: stats.connects,
            reconnects: stats.reconnects,
            payloads_sent: stats.payloads_sent,
            payloads_received: stats.payloads_received,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            duplicates: stats.duplicates,
            waiting: stats.waiting,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
        });
        Ok(())
    })
}

/// What a server allows.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct CallieLimits {
    /// The largest payload, in bytes.
    pub max_payload_bytes: u64,
    /// The longest text of a message, in bytes of UTF-8.
    pub max_text_bytes: u64,
    /// The most attachments of one message.
    pub max_attachments: u64,
    /// The most members of one group.
    pub max_group_members: u64,
    /// Payloads a user may send in a second, on average. The client keeps to it by itself.
    pub messages_per_second: u32,
    /// Payloads a user may send at once.
    pub burst: u32,
    /// Messages to `BROADCAST` a user may send in a minute, on average. The client keeps to it by itself.
    pub broadcasts_per_minute: u32,
    /// Messages to `BROADCAST` a user may send at once.
    pub broadcast_burst: u32,
}

/// What the server allows; the protocol's defaults before the first connection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_limits(
    client: *mut CallieClient,
    limits: *mut CallieLimits,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the limits can be written to.
        let place = unsafe { Place::at(limits, "limits", CallieLimits::default())? };
        let limits = CLIENTS.get(client)?.client.limits();
        place.put(CallieLimits {
            max_payload_bytes: limits.max_payload_bytes as u64,
            max_text_bytes: limits.max_text_bytes as u64,
            max_attachments: limits.max_attachments as u64,
            max_group_members: limits.max_group_members as u64,
            messages_per_second: limits.messages_per_second,
            burst: limits.burst,
            broadcasts_per_minute: limits.broadcasts_per_minute,
            broadcast_burst: limits.broadcast_burst,
        });
        Ok(())
    })
}

/// The user whose client it is. The caller frees the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_username(
    client: *mut CallieClient,
    username: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the name can be written to.
        let username = unsafe { Place::at(username, "username", std::ptr::null_mut())? };
        username.put(give(CLIENTS.get(client)?.client.username().to_string())?);
        Ok(())
    })
}

/// Ends the client: writes what was handed to the connection and says goodbye, in at most a few seconds. What waits is over.
/// What has arrived can still be taken. The handle still has to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_disconnect(client: *mut CallieClient) -> CallieStatus {
    guard(|| Ok(block_on(CLIENTS.get(client)?.client.disconnect())?))
}

/// Frees a client's handle and ends the client: it says goodbye in the background, and calls that wait for its events return at
/// once, with `CALLIE_STATUS_CLOSED` where there is nothing left to take. Events that were not taken are lost, and the messages among
/// them are not confirmed.
///
/// Returns after the last call of its listener and of its token source, unless it is called inside it: then that call is the last.
/// NULL is nothing to free.
#[unsafe(no_mangle)]
pub extern "C" fn callie_client_free(client: *mut CallieClient) -> CallieStatus {
    guard(|| {
        if let Some(held) = CLIENTS.remove(client)? {
            held.release();
        }
        Ok(())
    })
}
