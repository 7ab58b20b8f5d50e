//! Closing connections.

use std::collections::VecDeque;

use callie_core::server::{CloseReason, Closing};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::socket::Socket;
use super::timing::{CLOSE_TIMEOUT, SLOW_CLOSE_TIMEOUT};
use crate::base::ids::envelope_ids;
use crate::router::Item;

/// Writes the last payloads and the close frame, and ends the connection. Queued payloads are written if `closing` says
/// so.
pub(crate) async fn close(mut socket: Socket, closing: Closing, queued: VecDeque<Item>) {
    let Closing { first, write_queued, last, code, .. } = closing;
    let limit = if write_queued { CLOSE_TIMEOUT } else { SLOW_CLOSE_TIMEOUT };
    let writing = async {
        for text in first {
            socket.send(Utf8Bytes::from(text)).await?;
        }
        if write_queued {
            for item in queued {
                // The receipt is dropped afterwards: the connection cannot confirm the message any more.
                if let Some(receipt) = &item.receipt {
                    receipt.written();
                }
                socket.send(item.text).await?;
            }
        }
        if let Some(text) = last {
            socket.send(Utf8Bytes::from(text)).await?;
        }
        socket.send_close(code).await
    };
    if let Ok(Ok(())) = tokio::time::timeout(limit, writing).await {
        socket.shut_down().await;
    }
}

/// Answers the client's close frame and ends the connection.
pub(crate) async fn finish_close(mut socket: Socket) {
    if let Ok(Ok(())) = tokio::time::timeout(SLOW_CLOSE_TIMEOUT, socket.answer_close()).await {
        socket.shut_down().await;
    }
}

/// Closes a connection that has not authenticated.
pub(crate) async fn reject(socket: Socket, reason: CloseReason) {
    close(socket, reason.unauthenticated(envelope_ids()), VecDeque::new()).await;
}
