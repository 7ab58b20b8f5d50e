//! The real server, with users who have logged in.

use std::io::Write as _;

use callie_core::command::{GroupName, Visibility};
use callie_core::{GroupId, SessionId, Username};
use callie_server::config::OfflineMode;
use callie_server::store::{GroupLimits, TokenHash};
use callie_server::{Config, Server, clock};

use crate::process::until_told_to_end;

/// The rate of the server, in payloads a second: so high that it has no effect.
const UNLIMITED: u32 = 1_000_000;
/// The name of the group.
pub(crate) const GROUP: &str = "group:00000000-0000-4000-8000-000000000001";

pub(crate) fn username(number: usize) -> String {
    format!("user{number}")
}

pub(crate) fn token(number: usize) -> String {
    format!("token-{number:037}")
}

pub(crate) async fn run(arguments: &[&str]) {
    let [database, users, grouped, port, options @ ..] = arguments else {
        panic!("DATABASE USERS GROUPED PORT [OPTION=VALUE]...")
    };
    let (users, grouped): (usize, usize) = (users.parse().unwrap(), grouped.parse().unwrap());
    let mut config = Config {
        listen: format!("127.0.0.1:{port}"),
        database: (*database).to_owned(),
        messages_per_second: UNLIMITED,
        burst: UNLIMITED,
        ..Config::default()
    };
    for option in options {
        match option.split_once('=').unwrap() {
            ("cluster", url) => config.cluster = Some(url.to_owned()),
            ("resume_window", seconds) => config.resume_window = seconds.parse().unwrap(),
            ("keep", messages) => {
                config.offline = OfflineMode::Keep;
                config.offline_max_messages = messages.parse().unwrap();
                config.offline_max_bytes = usize::MAX;
            }
            (name, _) => panic!("no option {name}"),
        }
    }
    let server = Server::start(config).await.unwrap();
    make_users(&server, users, grouped).await;
    println!("{}", server.addr());
    std::io::stdout().flush().unwrap();
    until_told_to_end().await;
    server.shutdown().await;
}

async fn make_users(server: &Server, users: usize, grouped: usize) {
    let store = &server.store();
    let now = clock::now();
    let mut names = Vec::new();
    for number in 0..users {
        let name = Username::parse(&username(number)).unwrap();
        if !store.accounts.create(&name, "no password fits", now).await.unwrap() {
            // The server was restarted with its database.
            return;
        }
        let user = store.accounts.get(&name, now).await.unwrap().unwrap();
        let session = SessionId::parse(&format!("session-{number}")).unwrap();
        let hash = TokenHash::of(&token(number));
        store.sessions.create(&session, &hash, &user, None, now).await.unwrap().unwrap();
        names.push(name);
    }
    if grouped > 0 {
        let (id, name) = (GroupId::parse(GROUP).unwrap(), GroupName::parse("bench").unwrap());
        let limits = GroupLimits { max_members: grouped, max_groups: 10 };
        let (owner, others) = (&names[0], &names[1..grouped]);
        store.groups.create(id, &name, Visibility::Private, owner, others, limits, now).await.unwrap();
    }
}
