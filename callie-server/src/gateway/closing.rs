//! The last words to a connection.

use std::collections::VecDeque;

use callie_core::{Notice, Recipient};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::socket::Socket;
use super::timing::{CLOSE_TIMEOUT, SLOW_CLOSE_TIMEOUT};
use crate::base::ids::stamp;
use crate::router::{CloseReason, Item};

/// Writes what is queued if the reason says so, the SYS and the close, and ends the connection; in a bounded time.
pub(crate) async fn close(
    mut socket: Socket,
    reason: CloseReason,
    recipient: Recipient,
    queued: VecDeque<Item>,
) {
    let limit = if reason.drain { CLOSE_TIMEOUT } else { SLOW_CLOSE_TIMEOUT };
    let said = async {
        if reason.drain {
            for item in queued {
                // Written now, and nobody will be there to confirm it.
                if let Some(receipt) = &item.receipt {
                    receipt.written();
                }
                socket.send(item.text).await?;
            }
        }
        if let Some(notice) = &reason.notice {
            socket.send(encode(notice, recipient)).await?;
        }
        socket.send_close(reason.close).await
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

/// Says one thing to a connection that has not authenticated, and closes it.
pub(crate) async fn turn_away(socket: Socket, notice: Notice) {
    close(socket, CloseReason::from_notice(notice), Recipient::Unauthenticated, VecDeque::new()).await;
}

/// A SYS of the server, encoded.
pub(crate) fn encode(notice: &Notice, recipient: Recipient) -> Utf8Bytes {
    Utf8Bytes::from(notice.to_payload(recipient, stamp()).encode())
}
