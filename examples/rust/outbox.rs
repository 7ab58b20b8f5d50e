//! Sends each line of its standard input to a user, and may be killed at any time: the next run with the same file sends
//! what this one had accepted. At the end of its input it waits for all outcomes:
//! cargo run -p callie-client --example outbox -- http://127.0.0.1:8080 ada TOKEN bob outbox.state

use std::io::BufRead as _;
use std::time::Duration;

use callie_client::{Client, Config, Credentials, Event};
use tokio::runtime::Runtime;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, username, token, peer, file] = arguments.as_slice() else {
        return Err("usage: outbox URL USERNAME TOKEN PEER FILE".into());
    };
    let mut config = Config::new(url)?;
    config.state_file = Some(file.into());
    let runtime = Runtime::new()?;
    let _inside = runtime.enter();
    let client = Client::new(&Credentials::new(config, username, token)?)?;
    for ticket in client.pending()? {
        println!("pending {}", ticket.message_id());
    }
    client.start()?;
    let printing = runtime.spawn(print_events(client.clone()));
    for line in std::io::stdin().lock().lines() {
        // When this returns, the message is stored.
        let ticket = client.send(peer.as_str(), line?).submit()?;
        println!("accepted {}", ticket.message_id());
    }
    for ticket in client.pending()? {
        runtime.block_on(ticket.outcome());
    }
    runtime.block_on(client.disconnect());
    runtime.block_on(printing)?;
    Ok(())
}

async fn print_events(client: Client) {
    while let Ok(events) = client.next_events(64, Duration::MAX).await {
        for event in events {
            match event {
                Event::Ended { message_id, outcome, .. } => println!("ended {message_id} {outcome:?}"),
                Event::Message(message) => println!("{}: {}", message.sender, message.text),
                Event::Closed(closed) => println!("closed {}", closed.reason),
                _ => {}
            }
        }
    }
}
