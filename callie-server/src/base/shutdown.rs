//! The signal that the server is stopping.

use tokio::sync::watch;

/// Tells every part of the server that it is stopping. Cloning shares the signal.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Sender<bool>);

impl Shutdown {
    /// Creates a signal that has not been given.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Gives the signal.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Returns `true` if the signal has been given.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the signal is given.
    pub(crate) async fn begun(&self) {
        let mut begun = self.0.subscribe();
        // Fails only without a sender, and `self` is one.
        let _ = begun.wait_for(|begun| *begun).await;
    }
}
