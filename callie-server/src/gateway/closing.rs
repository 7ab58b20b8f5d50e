//! The last words to a connection.

use std::collections::VecDeque;

use callie_core::server::{CloseReason, Closing};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::socket::Socket;
use super::timing::{CLOSE_TIMEOUT, SLOW_CLOSE_TIMEOUT};
use crate::base::ids::stamp;
use crate::router::Item;

/// Writes what is queued if the connection ends so, the SYS and the close, and ends the connection; in a bounded time.
pub(crate) async fn close(mut socket: Socket, closing: Closing, queued: VecDeque<Item>) {
    let Closing { first, write_queued, last, code } = closing;
    let limit = if write_queued { CLOSE_TIMEOUT } else { SLOW_CLOSE_TIMEOUT };
    let said = async {
        for text in first {
            socket.send(Utf8Bytes::from(text)).await?;
        }
        if write_queued {
            for item in queued {
                // Written now, and nobody will be there to confirm it.
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
    if let Ok(Ok(())) = tokio::time::timeout(limit, said).await {
        socket.hang_up().await;
    }
}

/// Answers the client's own close and ends the connection.
pub(crate) async fn leave(mut socket: Socket) {
    if let Ok(Ok(())) = tokio::time::timeout(SLOW_CLOSE_TIMEOUT, socket.answer_close()).await {
        socket.hang_up().await;
    }
}

/// Closes a connection that has not authenticated.
pub(crate) async fn turn_away(socket: Socket, reason: CloseReason) {
    close(socket, reason.unauthenticated(stamp()), VecDeque::new()).await;
}
