//! What a connection does next because of a payload.

use std::future::Future;
use std::pin::Pin;

use callie_core::server::CloseReason;

/// Work that waits, for example for the database. The connection reads its next payload when the work is done.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a connection does next because of a payload.
pub(crate) enum Action {
    /// Nothing.
    Done,
    /// Complete this work before the next payload.
    Later(Work),
    /// Close the connection for this reason.
    Close(CloseReason),
}
