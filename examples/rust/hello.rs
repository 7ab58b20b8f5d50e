//! Sends a message, says how it ended, and prints what arrives until nothing has come for ten seconds:
//! cargo run -p callie-client --example hello -- http://127.0.0.1:8080 ada PASSWORD bob

use std::time::Duration;

use callie_client::{Client, Event, SendOutcome, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, username, password, peer] = arguments.as_slice() else {
        return Err("usage: hello URL USERNAME PASSWORD PEER".into());
    };
    let session = Server::new(url)?.register_and_login(username, password, None).await?;
    let client = Client::open(&session).await?;
    let hello = format!("Hello, **{peer}**");
    client.send(peer.as_str(), &hello).submit()?;
    loop {
        let events = client.next_events(64, Duration::from_secs(10)).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            match event {
                Event::Message(message) => println!("{}: {}", message.sender, message.text),
                Event::Ended { outcome: SendOutcome::Delivered { .. }, .. } => println!("* delivered"),
                Event::Ended { outcome: SendOutcome::Failed(failure), .. } => {
                    println!("* {} ({})", failure.reason, failure.code);
                }
                Event::Ended { outcome, .. } => println!("* {outcome:?}"),
                Event::Notice(notice) => println!("* {} ({})", notice.description(), notice.code()),
                Event::Closed(closed) => return Err(closed.reason.into()),
                _ => {}
            }
        }
    }
    client.disconnect().await;
    Ok(())
}
