//! As much of MQTT 3.1.1 as a benchmark of persistent sessions needs, and mosquitto as a process.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};

use crate::client::MESSAGE_BYTES;
use crate::process::cpu_of;

/// A running mosquitto. Dropping it ends it.
pub(crate) struct Broker {
    child: Child,
    pub(crate) addr: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Broker {
    pub(crate) async fn start(program: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let config = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\nmax_queued_messages 0\nmax_inflight_messages 64\nlog_type none\nuser root\n",
            addr.port(),
            folder.path().display(),
        );
        std::fs::write(&config, text).unwrap();
        let child = Command::new(program).arg("-c").arg(&config).stdin(Stdio::null()).spawn().unwrap();
        while TcpStream::connect(addr).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { child, addr, _folder: folder }
    }

    /// Returns the CPU time in seconds so far.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(self.child.id())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONNACK: u8 = 0x20;
const PUBACK: u8 = 0x40;
const SUBACK: u8 = 0x90;

type Stream = BufStream<TcpStream>;

async fn connect(addr: SocketAddr, client: &str) -> Stream {
    let tcp = TcpStream::connect(addr).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = BufStream::new(tcp);
    // Version 4, a session that persists, no keep-alive.
    let body = [text("MQTT"), vec![4, 0, 0, 0], text(client)].concat();
    write(&mut stream, 0x10, &body).await;
    stream.flush().await.unwrap();
    assert_eq!(read(&mut stream).await.0, CONNACK);
    stream
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}

fn topic(pair: usize) -> Vec<u8> {
    text(&format!("inbox/{pair}"))
}

async fn write(stream: &mut Stream, kind: u8, body: &[u8]) {
    let mut head = vec![kind];
    let mut length = body.len();
    while length >= 0x80 {
        head.push(length as u8 | 0x80);
        length >>= 7;
    }
    head.push(length as u8);
    stream.write_all(&head).await.unwrap();
    stream.write_all(body).await.unwrap();
}

/// Returns the first byte of a packet, and its body.
async fn read(stream: &mut Stream) -> (u8, Vec<u8>) {
    let kind = stream.read_u8().await.unwrap();
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (kind, body)
}

/// Publishes messages for a subscriber until all are acknowledged.
pub(crate) async fn publish(addr: SocketAddr, pair: usize, messages: u64, in_flight: u64) {
    let mut stream = connect(addr, &format!("publisher{pair}")).await;
    let (topic, payload) = (topic(pair), vec![b'x'; MESSAGE_BYTES]);
    let (mut sent, mut acknowledged) = (0, 0);
    while acknowledged < messages {
        while sent < messages && sent - acknowledged < in_flight {
            sent += 1;
            let id = u16::try_from(sent % 0xffff + 1).unwrap().to_be_bytes();
            // QoS 1.
            write(&mut stream, 0x32, &[&topic[..], &id, &payload].concat()).await;
        }
        stream.flush().await.unwrap();
        assert_eq!(read(&mut stream).await.0, PUBACK);
        acknowledged += 1;
    }
}

/// A subscriber with a session that outlives its connections.
pub(crate) struct Subscriber(Stream);

impl Subscriber {
    pub(crate) async fn connect(addr: SocketAddr, pair: usize) -> Self {
        Self(connect(addr, &format!("subscriber{pair}")).await)
    }

    /// Subscribes with QoS 1, and disconnects.
    pub(crate) async fn subscribe(mut self, pair: usize) {
        write(&mut self.0, 0x82, &[&[0, 1][..], &topic(pair), &[1]].concat()).await;
        self.0.flush().await.unwrap();
        assert_eq!(read(&mut self.0).await.0, SUBACK);
    }

    /// Receives messages, and acknowledges each.
    pub(crate) async fn receive(mut self, messages: u64) {
        for _ in 0..messages {
            let (kind, body) = read(&mut self.0).await;
            assert_eq!(kind & 0xf0, 0x30, "not a message");
            let at = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
            write(&mut self.0, PUBACK, &body[at..at + 2]).await;
            self.0.flush().await.unwrap();
        }
    }
}
