//! Servers that close, each at a different step of the handshake. Dropping the socket closes it.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::payloads::{greeting, next, upgrade};
use crate::Failure;

/// The beginning of an answer to an upgrade.
const HALF_AN_ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgr";

pub(super) async fn in_upgrade(stream: TcpStream) -> Result<(), Failure> {
    // Reads the whole request: with unread bytes, the close would be a reset, which can overtake the answer.
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    Ok(stream.write_all(HALF_AN_ANSWER).await?)
}

pub(super) async fn after_upgrade(stream: TcpStream) -> Result<(), Failure> {
    upgrade(stream).await.map(drop)
}

pub(super) async fn after_authenticate(stream: TcpStream) -> Result<(), Failure> {
    next(&mut upgrade(stream).await?).await.map(drop)
}

pub(super) async fn in_frame(stream: TcpStream) -> Result<(), Failure> {
    let mut socket = upgrade(stream).await?;
    let answer = greeting(&next(&mut socket).await?)?;
    let mut frame = Vec::new();
    Frame::message(answer, OpCode::Data(Data::Text), true).format(&mut frame)?;
    Ok(socket.get_mut().write_all(&frame[..frame.len() / 2]).await?)
}
