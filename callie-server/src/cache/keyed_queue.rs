//! Jobs with the same key, run one after the other.
//!
//! A change is made in the database first and then in memory, and two changes of one group must reach both in the same
//! order. A job that has begun is finished even if the connection that requested it is gone, so that memory does not
//! miss what the database has.

use std::any::Any;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};

/// The number of queues, each of which runs one job at a time.
const QUEUES: usize = 8;
/// The jobs that may wait in one queue. More wait before they are queued.
const WAITING: usize = 64;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The job was not finished: it panicked, or the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot carry out the change")]
pub(crate) struct JobFailed;

/// Runs jobs with the same key one after the other, and jobs with different keys concurrently.
pub(crate) struct KeyedQueue {
    senders: Vec<mpsc::Sender<Job>>,
    hasher: RandomState,
}

impl KeyedQueue {
    /// Starts the tasks that run the jobs. Must be called within a runtime. The tasks end when this is dropped.
    pub(crate) fn start() -> Self {
        let senders = (0..QUEUES).map(|_| {
            let (sender, jobs) = mpsc::channel(WAITING);
            tokio::spawn(work(jobs));
            sender
        });
        Self { senders: senders.collect(), hasher: RandomState::new() }
    }

    /// Runs `job` after all earlier jobs with the same `key`.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        key: &impl std::hash::Hash,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JobFailed> {
        let (done, result) = oneshot::channel();
        let job = async move {
            // Without a receiver the requester is gone. The job is done all the same.
            let _ = done.send(job.await);
        };
        // The remainder is smaller than the number of queues.
        let at = (self.hasher.hash_one(key) % QUEUES as u64) as usize;
        let sender = self.senders.get(at).ok_or(JobFailed)?;
        sender.send(Box::pin(job)).await.map_err(|_| JobFailed)?;
        result.await.map_err(|_| JobFailed)
    }
}

async fn work(mut jobs: mpsc::Receiver<Job>) {
    while let Some(job) = jobs.recv().await {
        if let Err(panic) = std::panic::AssertUnwindSafe(job).catch_unwind().await {
            tracing::error!(what = panic_text(&*panic), "a change panicked");
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
    async fn jobs_with_one_key_run_in_order() {
        let queue = Arc::new(KeyedQueue::start());
        let (started, wait) = oneshot::channel();
        let (go, gate) = oneshot::channel::<()>();
        let done = Arc::new(AtomicUsize::new(0));
        let count = done.clone();
        let asker = tokio::spawn({
            let queue = queue.clone();
            async move {
                let job = async move {
                    started.send(()).unwrap();
                    gate.await.unwrap();
                    count.fetch_add(1, Ordering::SeqCst);
                };
                queue.run(&"subject", job).await
            }
        });
        wait.await.unwrap();
        asker.abort();
        go.send(()).unwrap();
        let count = done.clone();
        let seen = queue.run(&"subject", async move { count.load(Ordering::SeqCst) }).await;
        assert_eq!(seen, Ok(1));
    }

    #[tokio::test]
    async fn panicking_job_does_not_end_the_queue() {
        let queue = KeyedQueue::start();
        let failed = queue.run(&1, async { panic!("boom") }).await;
        assert_eq!(failed, Err::<(), _>(JobFailed));
        assert_eq!(queue.run(&1, async { 7 }).await, Ok(7));
    }
}
