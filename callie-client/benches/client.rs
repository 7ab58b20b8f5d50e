//! The load of the client's benchmarks and the programs that it is compared with, each in its own process. `make
//! bench-sdk` runs them.
//!
//! - `send URL COUNT`: ada sends COUNT messages to bob, as fast as her queue accepts them
//! - `receive URL TOKEN COUNT`: bob takes them in batches; prints "ready", then the CPU time per event in microseconds
//! - `connect URL TOKEN`: prints the microseconds from `connect()` to the first delivered message, and those of a bare
//!   WebSocket from connecting to the first echo

use std::error::Error;
use std::time::{Duration, Instant};

use callie_client::{Client, Config, Credentials, ErrorKind, Event, Server};
use futures_util::{SinkExt as _, StreamExt as _};
use rustix::time::{ClockId, clock_gettime};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

type Done = Result<(), Box<dyn Error>>;

const PASSWORD: &str = "correct horse battery";
const BATCH: usize = 64;
/// The timeout of every step.
const BOUND: Duration = Duration::from_secs(60);
/// The number of measured connections.
const CONNECTS: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Done {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", url, count] => send(url, count.parse()?).await,
        ["receive", url, token, count] => receive(url, token, count.parse()?).await,
        ["connect", url, token] => connect(url, token).await,
        _ => Err("send URL COUNT | receive URL TOKEN COUNT | connect URL TOKEN".into()),
    }
}

async fn send(url: &str, count: usize) -> Done {
    let session = Server::new(url)?.register_and_login("ada", PASSWORD, None).await?;
    let client = Client::open(&session).await?;
    let text = "Is there *tea* at four? ".repeat(4);
    let mut ended = 0;
    let mut sent = 0;
    while ended < count {
        while sent < count {
            match client.send("bob", &text).confirm(false).submit() {
                Ok(_) => sent += 1,
                Err(full) if full.kind() == ErrorKind::QueueFull => break,
                Err(other) => return Err(other.into()),
            }
        }
        let events = client.next_events(1_024, BOUND).await?;
        ended += events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
    }
    client.disconnect().await;
    Ok(())
}

/// Returns the CPU time of this process, of all threads.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

async fn receive(url: &str, token: &str, count: usize) -> Done {
    let config = {
        let mut config = Config::new(url)?;
        config.event_queue = count + BATCH;
        config
    };
    let client = Client::open(&Credentials::new(config, "bob", token)?).await?;
    client.next_events(BATCH, BOUND).await?;
    println!("ready");
    let began = cpu();
    // Waits until the batches are full, as they are under load.
    while client.stats().messages_received < count as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut seen = 0;
    while seen < count {
        let events = client.next_events(BATCH, BOUND).await?;
        seen += events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    }
    println!("{}", (cpu() - began) / count as f64);
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

async fn connect(url: &str, token: &str) -> Done {
    let session = Credentials::new(Config::new(url)?, "bob", token)?;
    let mut ours = Vec::new();
    for _ in 0..CONNECTS {
        let client = Client::new(&session)?;
        let began = Instant::now();
        client.connect().await?;
        client.send("bob", "first").submit()?;
        while !client.next_events(1, BOUND).await?.iter().any(|event| matches!(event, Event::Message { .. }))
        {
        }
        ours.push(began.elapsed());
        client.disconnect().await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // In its own thread, because the server has its own process.
    let listener = listener.into_std()?;
    std::thread::spawn(move || echo(listener));
    let mut bare = Vec::new();
    for _ in 0..CONNECTS {
        let began = Instant::now();
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await?;
        socket.send(Message::text("first")).await?;
        socket.next().await.ok_or("no echo")??;
        bare.push(began.elapsed());
        socket.close(None).await?;
        while socket.next().await.is_some() {}
    }
    println!("{} {}", median(ours), median(bare));
    Ok(())
}

/// Echoes one message on each connection, one connection after the other.
fn echo(listener: std::net::TcpListener) -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { continue };
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() && socket.send(message).await.is_err() {
                    break;
                }
            }
        }
    })
}
