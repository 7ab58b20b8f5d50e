//! Changes that must not overtake each other: each is made in the database first and then in memory, and two changes of
//! one group have to come to both in one order.
//!
//! A lane is a task that does one job after the other. A job that has begun is finished even when the connection that
//! asked for it is gone, so that memory never misses what the database has.

use std::any::Any;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};

/// How many changes may be made at the same time, each in its lane.
const LANES: usize = 8;
/// How many may wait in a lane; whoever asks for one more waits first.
const WAITING: usize = 64;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The job was not done, or not to its end: it panicked, or the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the change was not carried out")]
pub(crate) struct LaneError;

/// The lanes.
pub(crate) struct Lanes {
    senders: Vec<mpsc::Sender<Job>>,
    hasher: RandomState,
}

impl Lanes {
    /// Starts the lanes, which are tasks: within a runtime. They end with this.
    pub(crate) fn start() -> Self {
        let senders = (0..LANES).map(|_| {
            let (sender, jobs) = mpsc::channel(WAITING);
            tokio::spawn(work(jobs));
            sender
        });
        Self { senders: senders.collect(), hasher: RandomState::new() }
    }

    /// Does `job` after all earlier ones about `subject`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        subject: &impl std::hash::Hash,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, LaneError> {
        let (done, result) = oneshot::channel();
        let job = async move {
            // Without a receiver the asker is gone, which changes nothing.
            let _ = done.send(job.await);
        };
        // The remainder is smaller than the number of lanes.
        let lane = (self.hasher.hash_one(subject) % LANES as u64) as usize;
        let sender = self.senders.get(lane).ok_or(LaneError)?;
        sender.send(Box::pin(job)).await.map_err(|_| LaneError)?;
        result.await.map_err(|_| LaneError)
    }
}

async fn work(mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        if let Err(panic) = std::panic::AssertUnwindSafe(job).catch_unwind().await {
            tracing::error!(what = panic_text(&*panic), "a change failed with a panic");
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn jobs_about_one_subject_are_done_in_order_and_to_their_end() {
        let lanes = Arc::new(Lanes::start());
        let (started, wait) = oneshot::channel();
        let (go, gate) = oneshot::channel::<()>();
        let done = Arc::new(AtomicUsize::new(0));
        let count = done.clone();
        let asker = tokio::spawn({
            let lanes = lanes.clone();
            async move {
                let job = async move {
                    started.send(()).unwrap();
                    gate.await.unwrap();
                    count.fetch_add(1, Ordering::SeqCst);
                };
                lanes.run(&"subject", job).await
            }
        });
        wait.await.unwrap();
        asker.abort();
        go.send(()).unwrap();
        let count = done.clone();
        let seen = lanes.run(&"subject", async move { count.load(Ordering::SeqCst) }).await;
        assert_eq!(seen, Ok(1));
    }

    #[tokio::test]
    async fn a_job_that_panics_ends_itself_only() {
        let lanes = Lanes::start();
        let failed = lanes.run(&1, async { panic!("boom") }).await;
        assert_eq!(failed, Err::<(), _>(LaneError));
        assert_eq!(lanes.run(&1, async { 7 }).await, Ok(7));
    }
}
