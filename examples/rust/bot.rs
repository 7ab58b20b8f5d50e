//! A bot: answers whoever writes to it, in the group or chat where they wrote, until it is ended.
//! cargo run -p callie-client --example bot -- http://127.0.0.1:8080 echo PASSWORD

use std::time::Duration;

use callie_client::{Client, Event, Server};
use callie_core::{Recipient, Sender};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, username, password] = arguments.as_slice() else {
        return Err("usage: bot URL USERNAME PASSWORD".into());
    };
    let session = Server::new(url)?.register_and_login(username, password, None).await?;
    let client = Client::open(&session).await?;
    println!("* {username} is connected");
    loop {
        for event in client.next_events(64, Duration::from_secs(60)).await? {
            match event {
                Event::Message(message) => {
                    // Its own messages come from its other connections: a bot that answers itself never ends.
                    let Sender::User(author) = message.sender else { continue };
                    if author == *client.username() {
                        continue;
                    }
                    let to = match message.recipient {
                        Recipient::Group(group) => Recipient::Group(group),
                        _ => author.into(),
                    };
                    let answer = format!("You said: {}", message.text);
                    // Sending never waits; what cannot be sent is said, and the bot goes on.
                    if let Err(error) = client.send(to, answer).submit() {
                        println!("* {error}");
                    }
                }
                Event::Closed(closed) => return Err(closed.reason.into()),
                _ => {}
            }
        }
    }
}
