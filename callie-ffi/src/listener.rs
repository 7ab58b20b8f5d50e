//! Delivers events to a callback, on its own thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use callie_client::{Client, Error, Event};

use crate::gate::Gate;
use crate::{owner, threads};

/// Delivers all further events of `client` to `callback`, in batches, on a thread made for it. The last is
/// [`Event::Closed`].
///
/// Each call goes through `gate`; after it is closed, no batch is taken. The callback may block, call every
/// method of the client, and drop the client. If it panics, it is called again with the next batch.
///
/// With `first`, the callback is called once with that batch before it is called with events.
///
/// # Errors
/// [`InvalidArgument`](callie_client::ErrorKind::InvalidArgument) when the client has a reader already,
/// [`Internal`](callie_client::ErrorKind::Internal) if no thread can be started.
pub(crate) fn listen(
    client: &Client,
    gate: Arc<Gate>,
    first: Option<Vec<Event>>,
    mut callback: impl FnMut(Vec<Event>) + Send + 'static,
) -> Result<(), Error> {
    let reader = client.event_reader()?;
    let dispatch = move || {
        let mut first = first;
        while first.is_some() || reader.wait() {
            let Some(_call) = gate.enter() else { break };
            let events = first.take().unwrap_or_else(|| reader.take());
            if catch_unwind(AssertUnwindSafe(|| callback(events))).is_err() {
                log::error!("a listener panicked; it goes on with the next events");
            }
            if owner::guard().is_err() {
                // The callback forked, and this is the child.
                return;
            }
        }
    };
    threads::spawn("callie-listener", dispatch).map_err(Error::internal)
}
