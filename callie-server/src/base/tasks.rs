//! Tasks that end with the server, also when it is dropped.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// The running tasks. Cloning shares them.
///
/// This is a list of handles instead of a token that each task watches: a connection is polled a million times in its
/// life, but starts and ends only once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    handles: HashMap<u64, AbortHandle>,
    last: u64,
    ended: bool,
}

impl Tasks {
    /// Runs `task` until it is done or [`Tasks::end`] is called. After that, new tasks are dropped immediately.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Locked until the handle is added, so that a task that ends immediately finds it.
        let mut running = self.0.lock();
        if running.ended {
            return;
        }
        running.last += 1;
        let entry = Entry { tasks: self.clone(), number: running.last };
        let number = entry.number;
        let handle = tokio::spawn(async move {
            let _entry = entry;
            task.await;
        });
        running.handles.insert(number, handle.abort_handle());
    }

    /// Aborts all tasks.
    pub(crate) fn end(&self) {
        let handles = {
            let mut running = self.0.lock();
            running.ended = true;
            std::mem::take(&mut running.handles)
        };
        for handle in handles.into_values() {
            handle.abort();
        }
    }
}

/// The entry of a task in the list, removed when the task is dropped.
struct Entry {
    tasks: Tasks,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.tasks.0.lock().handles.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn end_drops_running_tasks_and_refuses_new_ones() {
        let (tasks, held) = (Tasks::default(), Arc::new(()));
        let wait = |held: Arc<()>| async move {
            let _held = held;
            std::future::pending::<()>().await;
        };
        tasks.spawn(wait(held.clone()));
        let (done, was_done) = tokio::sync::oneshot::channel();
        tasks.spawn(async move { done.send(()).unwrap() });
        was_done.await.unwrap();
        while tasks.0.lock().handles.len() > 1 {
            tokio::task::yield_now().await;
        }
        tasks.end();
        tasks.spawn(wait(held.clone()));
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
