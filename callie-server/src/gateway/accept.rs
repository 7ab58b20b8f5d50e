//! Takes over a connection after its upgrade, up to the limits on connections.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use callie_core::server::CloseReason;

use super::background::retry_after;
use super::resumption::Arrived;
use super::shared::Gateway;
use super::socket::Socket;
use super::timing::UPGRADE_TIMEOUT;
use super::{closing, handshake};
use crate::base::telemetry::{CloseLabel, Line, Refusal};
use crate::net::{Admission, ConnectionPermit, Stream};

/// A connection after its upgrade.
pub(crate) struct Upgraded {
    /// The byte stream.
    pub(crate) stream: Stream,
    /// The bytes that were received after the request.
    pub(crate) read: Bytes,
}

impl Gateway {
    /// Takes a connection over in a task of its own, once `upgraded` has its stream.
    ///
    /// # Errors
    /// The limit that is reached, for a connection that is refused before its upgrade.
    pub(crate) fn accept(
        self: &Arc<Self>,
        address: IpAddr,
        upgraded: impl Future<Output = Option<Upgraded>> + Send + 'static,
    ) -> Result<(), Refusal> {
        match self.connections.admit(address, &self.config.current()) {
            Admission::Admitted(permit) => {
                self.tasks.spawn(serve(self.clone(), upgraded, permit, address));
                Ok(())
            }
            Admission::Full(permit, limit) => {
                note_full(self, address, limit);
                let gateway = self.clone();
                self.tasks.spawn(async move {
                    if let Some(socket) = take_over(&gateway, upgraded).await {
                        gateway.telemetry.metrics.closed(CloseLabel::Overloaded);
                        closing::reject(socket, CloseReason::overloaded(retry_after())).await;
                    }
                    drop(permit);
                });
                Ok(())
            }
            Admission::Refused(limit) => {
                note_full(self, address, limit);
                Err(limit)
            }
        }
    }

    /// Returns `true` once the server is stopping and takes no new connection.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shutdown.has_begun()
    }
}

/// Counts and logs a connection that is refused because a limit is reached.
fn note_full(gateway: &Gateway, address: IpAddr, limit: Refusal) {
    gateway.telemetry.metrics.refused(limit);
    if gateway.telemetry.lines.admit(Line::Full) {
        tracing::warn!(%address, limit = limit.as_str(), "refused a connection: a limit is reached");
    }
}

/// Runs one connection from its upgrade to its end.
async fn serve(
    gateway: Arc<Gateway>,
    upgraded: impl Future<Output = Option<Upgraded>> + Send + 'static,
    permit: ConnectionPermit,
    address: IpAddr,
) {
    // Boxed, so that an idle connection does not keep the memory that its handshake needs.
    let pump = Box::pin(async {
        let socket = take_over(&gateway, upgraded).await?;
        handshake::open(gateway, Arrived { socket, permit }, address).await
    })
    .await;
    if let Some(pump) = pump {
        pump.run().await;
    }
}

/// Returns the socket, or `None` if the HTTP connection ended before the upgrade.
async fn take_over(gateway: &Gateway, upgraded: impl Future<Output = Option<Upgraded>>) -> Option<Socket> {
    let Upgraded { stream, read } = tokio::time::timeout(UPGRADE_TIMEOUT, upgraded).await.ok()??;
    Some(Socket::new(stream, read, &gateway.limits).await)
}
