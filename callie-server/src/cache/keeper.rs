//! Keeps messages for users who are connected nowhere: one task writes them, many with one commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use callie_core::Username;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::storing::{BeingStored, Storing};
use crate::base::clock::{self, DAY, Millis};
use crate::base::config::{Config, OfflineMode};
use crate::base::telemetry::{KeptChange, Telemetry};
use crate::router::{EndedMessages, Hub, KeptEnd, KeptItem};
use crate::store::{
    InboxBounds, KeptMessages, KeptPlace, NewMessage, Store, StoreError, WriteError, Written,
};

/// The most messages that wait to be written. Connections that send more wait for room, and read nothing meanwhile.
const QUEUE: usize = 1_024;
/// The most messages to recipients, and the most removals, of one commit, so that no other write waits long. One message to
/// a group may have more recipients.
const AT_ONCE: usize = 256;
/// The pause before removals that failed are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Why a message could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotKept {
    /// It is certainly not kept.
    Failed,
    /// It is unknown whether it is kept.
    Unknown,
}

/// The recipients for whom a message is kept.
pub(crate) type Kept = Result<Vec<Username>, NotKept>;

/// A message that waits to be written.
struct Job {
    message: Box<NewMessage>,
    done: oneshot::Sender<Kept>,
    being_stored: BeingStored,
}

impl Job {
    fn rows(&self) -> usize {
        self.message.recipients.len()
    }
}

/// A message that is queued. Its outcome follows after the commit.
pub(crate) struct Queued(oneshot::Receiver<Kept>);

impl Queued {
    /// Waits for the commit.
    pub(crate) async fn outcome(self) -> Kept {
        // The task ends only with the server, perhaps in the middle of a commit.
        self.0.await.unwrap_or(Err(NotKept::Unknown))
    }
}

/// Keeps messages. It exists only if the configuration says so.
pub(crate) struct Keeper {
    hub: Arc<Hub>,
    /// The messages in the database.
    pub(crate) messages: KeptMessages,
    /// Those that have ended.
    pub(crate) ended: Arc<EndedMessages>,
    /// The bounds for one user.
    pub(crate) bounds: InboxBounds,
    lasts: Millis,
    storing: Arc<Storing>,
    telemetry: Arc<Telemetry>,
    queue: mpsc::Sender<Job>,
    jobs: Mutex<Option<mpsc::Receiver<Job>>>,
    /// Locked while something is written.
    turn: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl Keeper {
    /// Creates the keeper, if `config` says that messages are kept.
    pub(crate) fn new(
        config: &Config,
        hub: Arc<Hub>,
        store: &Store,
        telemetry: Arc<Telemetry>,
    ) -> Option<Arc<Self>> {
        if config.offline == OfflineMode::Off {
            return None;
        }
        let (queue, jobs) = mpsc::channel(QUEUE);
        Some(Arc::new(Self {
            hub,
            messages: store.kept.clone(),
            ended: Arc::default(),
            bounds: InboxBounds {
                messages: config.offline_max_messages,
                bytes: config.offline_max_bytes as u64,
            },
            lasts: Millis::from(config.offline_days) * DAY,
            storing: Arc::default(),
            telemetry,
            queue,
            jobs: Mutex::new(Some(jobs)),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Queues a message. Messages are kept in the order of these calls.
    ///
    /// # Errors
    /// The message, if the queue is full; see [`Keeper::queue`].
    pub(crate) fn try_queue(&self, message: NewMessage) -> Result<Queued, Box<NewMessage>> {
        let (job, outcome) = self.job(Box::new(message));
        match self.queue.try_send(job) {
            Ok(()) => Ok(Queued(outcome)),
            // Closed only when the server has stopped.
            Err(mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) => {
                Err(job.message)
            }
        }
    }

    /// Waits for room in the queue, and queues a message.
    pub(crate) async fn queue(&self, message: Box<NewMessage>) -> Queued {
        let (job, outcome) = self.job(message);
        // After a failure there is no sender left, and the outcome is unknown.
        let _ = self.queue.send(job).await;
        Queued(outcome)
    }

    fn job(&self, message: Box<NewMessage>) -> (Job, oneshot::Receiver<Kept>) {
        let (done, outcome) = oneshot::channel();
        let being_stored = self.storing.begin(&message.sender, &message.recipients);
        (Job { message, done, being_stored }, outcome)
    }

    /// Returns `true` if a message of `sender` for `recipient` is queued and not committed.
    pub(crate) fn is_storing(&self, sender: &Username, recipient: &str) -> bool {
        self.storing.contains(sender, recipient)
    }

    /// Returns the recipients for whom messages of `sender` are queued and not committed.
    pub(crate) fn storing(&self, sender: &Username) -> HashSet<Username> {
        self.storing.recipients(sender, |_| true)
    }

    /// Waits until all messages of `sender` for `recipients` are committed or refused.
    pub(crate) async fn stored(&self, sender: &Username, recipients: &HashSet<Username>) {
        self.storing.wait(sender, recipients).await;
    }

    /// Writes what is queued, until the future is dropped. Must be called once.
    pub(crate) async fn run(&self) {
        let Some(mut queued) = self.jobs.lock().take() else { return };
        let mut failed = false;
        loop {
            let mut jobs = Vec::new();
            tokio::select! {
                job = queued.recv() => match job {
                    Some(job) => jobs.push(job),
                    None => return,
                },
                () = self.ended.added(), if !failed => {}
                () = tokio::time::sleep(RETRY), if failed => {}
            }
            // Lets other tasks add to the same commit.
            tokio::task::yield_now().await;
            let mut rows: usize = jobs.iter().map(Job::rows).sum();
            while rows < AT_ONCE
                && let Ok(job) = queued.try_recv()
            {
                rows += job.rows();
                jobs.push(job);
            }
            failed = !self.write(jobs).await;
            if !failed && !self.ended.is_empty() {
                failed = !self.write(Vec::new()).await;
            }
        }
    }

    /// Writes messages, and removes those that have ended. Returns `false` if the database fails.
    async fn write(&self, jobs: Vec<Job>) -> bool {
        let _turn = self.turn.lock().await;
        let (messages, answers): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (*job.message, (job.done, job.being_stored))).unzip();
        let ended = self.ended.take(AT_ONCE);
        let place = |(item, _): &(KeptItem, KeptEnd)| KeptPlace {
            recipient: item.recipient.clone(),
            place: item.place,
        };
        let places: Vec<KeptPlace> = ended.iter().map(place).collect();
        match self.messages.write(&messages, &places, self.bounds, clock::now()).await {
            Ok(Written { kept, added, removed }) => {
                self.count(KeptChange::Stored, added);
                for (kept, (done, being_stored)) in kept.into_iter().zip(answers) {
                    // Before anything else that the sender sends is delivered.
                    for recipient in &kept {
                        self.hub.hold_for(recipient);
                    }
                    drop(being_stored);
                    // Without a receiver the connection is gone.
                    let _ = done.send(Ok(kept));
                }
                for ((item, end), removed) in ended.into_iter().zip(removed) {
                    self.note_end(item, end, removed);
                }
                true
            }
            Err(error) => {
                tracing::error!(%error, "cannot keep messages");
                let outcome = match error {
                    WriteError::Unknown(_) => NotKept::Unknown,
                    _ => NotKept::Failed,
                };
                for (done, _being_stored) in answers {
                    let _ = done.send(Err(outcome));
                }
                self.ended.put_back(ended);
                false
            }
        }
    }

    fn note_end(&self, item: KeptItem, end: KeptEnd, removed: bool) {
        match end {
            KeptEnd::Confirmed if removed => {
                self.count(KeptChange::Delivered, 1);
                self.hub.delivered_late(item);
            }
            KeptEnd::Written if removed => self.count(KeptChange::Delivered, 1),
            KeptEnd::Unwelcome if removed => self.count(KeptChange::Dropped, 1),
            KeptEnd::ConfirmedAfterwards => self.hub.delivered_late(item),
            // Another connection of the user was faster.
            KeptEnd::Confirmed | KeptEnd::Written | KeptEnd::Unwelcome => {}
        }
    }

    fn count(&self, change: KeptChange, messages: u64) {
        self.telemetry.metrics.kept_changed(change, messages);
    }

    /// Removes messages that are too old, and updates the metric of kept messages.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn sweep(&self) -> Result<(), StoreError> {
        // With a wrong clock, all messages may seem to be old.
        if clock::is_settled() {
            while let Some(removed) = self.messages.remove_old(clock::now() - self.lasts).await? {
                self.count(KeptChange::Expired, removed as u64);
            }
        }
        self.telemetry.metrics.kept_is(self.messages.count().await?);
        Ok(())
    }

    /// Removes the messages that have ended, and waits for what is being written.
    pub(crate) async fn flush(&self) {
        while !self.ended.is_empty() && self.write(Vec::new()).await {}
        drop(self.turn.lock().await);
    }

    /// Has those users of this node read the store for whom messages are kept: one may have been stored without this node
    /// having been told.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn hold_owners(&self) -> Result<(), StoreError> {
        for owner in self.messages.owners_among(&self.hub.users_here()).await? {
            self.hub.hold_here(&owner);
        }
        Ok(())
    }
}
