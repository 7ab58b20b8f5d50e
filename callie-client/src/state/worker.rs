//! The thread that reads and writes the state of one client.
//!
//! A write can take milliseconds, which neither the driver's runtime nor an application's database shall wait for on a
//! thread of their own choice. A group of changes that were queued meanwhile is written at once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};

use callie_core::session::{Change, Record, RestoreError, Session};
use futures_util::task::AtomicWaker;

use super::file::StateFile;
use super::frames::Records;
use super::{Place, Progress, unavailable};
use crate::error::{BoxError, Error, ErrorKind, code};

type Write = Box<dyn FnMut(Vec<Record>, Vec<String>) -> Result<(), BoxError>>;
pub(super) type Restore = Box<dyn FnOnce(&[Record]) -> Result<Session, RestoreError> + Send>;

/// The changes on their way to the thread, and their progress.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    inner: Mutex<Inner>,
    changed: Condvar,
    driver: AtomicWaker,
}

#[derive(Debug, Default)]
struct Inner {
    queue: Vec<Change>,
    /// The number of the last change that was queued.
    queued: u64,
    /// The number of the last change that is stored.
    stored: u64,
    failed: Option<Error>,
    /// The session, or why there is none, until `start` has taken it.
    opened: Option<Result<Session, Error>>,
    closing: bool,
    /// The thread has ended, and the place is free.
    ended: bool,
    thread: Option<ThreadId>,
}

impl Mailbox {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep<'a>(&self, inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        self.changed.notify_all();
        self.driver.wake();
    }

    pub(super) fn push(&self, number: u64, change: Change) {
        let mut inner = self.inner();
        inner.queued = number;
        if inner.failed.is_none() && !inner.ended {
            inner.queue.push(change);
            self.changed.notify_all();
        }
    }

    pub(super) fn wait(&self, number: u64) -> Result<(), Error> {
        let mut inner = self.inner();
        loop {
            match &inner.failed {
                _ if inner.stored >= number => return Ok(()),
                Some(error) => return Err(error.clone()),
                None if inner.ended => return Err(Error::closed("its state is closed")),
                None => inner = self.sleep(inner),
            }
        }
    }

    pub(super) fn progress(&self, number: u64) -> Progress {
        let inner = self.inner();
        match (inner.stored >= number, &inner.failed) {
            (true, _) => Progress::Stored,
            (false, None) => Progress::Waits,
            (false, Some(_)) => Progress::Failed,
        }
    }

    pub(super) fn failure(&self) -> Option<(u64, Error)> {
        let inner = self.inner();
        inner.failed.clone().map(|error| (inner.stored, error))
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.driver.register(waker);
    }

    pub(super) fn is_own_thread(&self) -> bool {
        self.inner().thread == Some(thread::current().id())
    }

    pub(super) fn close(&self) -> bool {
        let mut inner = self.inner();
        inner.closing = true;
        self.changed.notify_all();
        inner.ended
    }

    /// Waits for changes, as the thread. Returns them with the number of the last one; `None` at the end.
    fn next(&self) -> Option<(Vec<Change>, u64)> {
        let mut inner = self.inner();
        while inner.queue.is_empty() {
            if inner.closing {
                return None;
            }
            inner = self.sleep(inner);
        }
        Some((std::mem::take(&mut inner.queue), inner.queued))
    }

    /// Waits until the thread has opened the state, and takes the session.
    fn opened(&self) -> Result<Session, Error> {
        let mut inner = self.inner();
        loop {
            match inner.opened.take() {
                Some(Err(error)) => {
                    // The place is free when the thread has ended.
                    while !inner.ended {
                        inner = self.sleep(inner);
                    }
                    return Err(error);
                }
                Some(opened) => return opened,
                None if inner.ended => return Err(panicked()),
                None => inner = self.sleep(inner),
            }
        }
    }

    fn stored(&self, number: u64) {
        self.inner().stored = number;
        self.announce();
    }

    fn fail(&self, error: Error) {
        log::error!("{error}");
        let mut inner = self.inner();
        inner.queue.clear();
        inner.failed = Some(error);
    }
}

/// Marks the thread as ended when it is dropped, also if the store panics.
struct Ending(Arc<Mailbox>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut inner = self.0.inner();
        inner.ended = true;
        if inner.stored < inner.queued && inner.failed.is_none() {
            inner.failed = Some(panicked());
        }
        drop(inner);
        self.0.announce();
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::State, code::STATE_UNAVAILABLE, "the store of the state panicked")
}

/// Starts the thread, opens the state on it, and makes the session.
pub(super) fn start(place: Place, restore: Restore) -> Result<(Arc<Mailbox>, Session), Error> {
    let mailbox = Arc::new(Mailbox::default());
    let ending = Ending(Arc::clone(&mailbox));
    let work = move || {
        let mailbox = Arc::clone(&ending.0);
        mailbox.inner().thread = Some(thread::current().id());
        let mut write = match open(place, restore) {
            Ok((write, session)) => {
                mailbox.inner().opened = Some(Ok(session));
                mailbox.announce();
                write
            }
            Err(error) => {
                mailbox.inner().opened = Some(Err(error));
                return;
            }
        };
        while let Some((changes, number)) = mailbox.next() {
            let (puts, deletes) = split(changes);
            match write(puts, deletes) {
                Ok(()) => mailbox.stored(number),
                Err(error) => {
                    mailbox.fail(unavailable("the state cannot be stored", error));
                    break;
                }
            }
        }
        // The place is free before `ending` reports it, also if the store panics.
        drop(write);
        drop(ending);
    };
    thread::Builder::new()
        .name("callie-state".to_owned())
        .spawn(work)
        .map_err(|error| unavailable("the thread of the state cannot be started", error.into()))?;
    let session = mailbox.opened()?;
    Ok((mailbox, session))
}

/// Opens the state and makes the session. A damaged file is set aside.
fn open(place: Place, restore: Restore) -> Result<(Write, Session), Error> {
    match place {
        Place::File(path) => {
            let (mut file, records) = StateFile::open(&path)?;
            match restore(&records) {
                Ok(session) => Ok((Box::new(move |puts, deletes| file.write(&puts, &deletes)), session)),
                Err(RestoreError::Damaged) => Err(file.set_aside()),
                Err(error) => Err(error.into()),
            }
        }
        Place::Store(mut store) => {
            let records = store.load().map_err(|error| unavailable("the state cannot be loaded", error))?;
            let session = restore(&records)?;
            Ok((Box::new(move |puts, deletes| store.write(puts, deletes)), session))
        }
    }
}

/// The last change of each key.
fn split(changes: Vec<Change>) -> (Vec<Record>, Vec<String>) {
    let mut last = Records::new();
    for change in changes {
        match change {
            Change::Put(record) => drop(last.insert(record.key, Some(record.value))),
            Change::Delete(key) => drop(last.insert(key, None)),
            _ => {}
        }
    }
    let (mut puts, mut deletes) = (Vec::new(), Vec::new());
    for (key, value) in last {
        match value {
            Some(value) => puts.push(Record::new(key, value)),
            None => deletes.push(key),
        }
    }
    (puts, deletes)
}
