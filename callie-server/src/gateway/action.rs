//! What follows from a payload.

use std::future::Future;
use std::pin::Pin;

use callie_core::server::CloseReason;

/// Work that waits for something, such as the database. The connection reads its next payload when it is done.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What follows from a payload.
pub(crate) enum Action {
    /// Nothing more.
    Done,
    /// There is work to do before the next payload.
    Later(Work),
    /// The connection is closed.
    Close(CloseReason),
}
