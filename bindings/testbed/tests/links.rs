//! A real server behind the proxy: `cut`, `refuse`, `hold`, `kill` and `revoke`.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Bed, is_closed, login, receive, register, status_with, wrong_login};
use tokio::net::TcpStream;

#[tokio::test]
async fn server_is_reached_through_its_proxy() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 409);
    assert_eq!(env.ask("server").await, "error this environment already has a server");
}

/// Checks the limit of failed logins for one name, in place of all rates.
#[tokio::test]
async fn strict_server_has_default_rates() {
    let bed = Bed::start().await;
    let (mut strict, mut wide) = (bed.env().await, bed.env().await);
    let (strict_addr, wide_addr) = (strict.addr("strict").await, wide.addr("server").await);
    let mut refused = false;
    for _ in 0..15 {
        refused |= wrong_login(&strict_addr, "ada").await == 429;
        assert_eq!(wrong_login(&wide_addr, "ada").await, 401);
    }
    assert!(refused);
    assert_eq!(strict.ask("server").await, "error this environment already has a server");
    for request in ["kill", "start"] {
        strict.ok(request).await;
    }
    let mut again = false;
    for _ in 0..15 {
        again |= wrong_login(&strict_addr, "ada").await == 429;
    }
    assert!(again, "a restarted server has the same rates");
}

#[tokio::test]
async fn each_environment_has_its_own_server() {
    let bed = Bed::start().await;
    for mut env in [bed.env().await, bed.env().await] {
        let addr = env.addr("server").await;
        assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    }
}

#[tokio::test]
async fn cut_closes_every_link_and_accepts_new_ones() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    // An answer shows that the proxy has accepted the earlier links.
    let mut links = [TcpStream::connect(&addr).await.unwrap(), TcpStream::connect(&addr).await.unwrap()];
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    env.ok("cut").await;
    for link in &mut links {
        assert!(is_closed(link).await);
    }
    assert!(login(&addr, "ada").await.is_some());
}

#[tokio::test]
async fn direct_connection_is_neither_cut_nor_held() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let (proxy, direct) = (env.addr("server").await, env.addr("direct").await);
    for request in ["refuse", "hold", "cut"] {
        env.ok(request).await;
    }
    assert_eq!(receive(register(&direct, "ada").await).await.unwrap().0, 201);
    for request in ["accept", "release"] {
        env.ok(request).await;
    }
    assert!(login(&proxy, "ada").await.is_some(), "both addresses are the same server");
}

#[tokio::test]
async fn refuse_resets_new_links_until_accept() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    env.ok("refuse").await;
    let refused = async { Ok::<_, std::io::Error>(is_closed(&mut TcpStream::connect(&addr).await?).await) };
    assert!(refused.await.unwrap_or(true));
    env.ok("accept").await;
    assert!(login(&addr, "ada").await.is_some());
}

#[tokio::test]
async fn held_bytes_continue_after_release() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    env.ok("hold").await;
    let asked = register(&addr, "ada").await;
    env.ok("release").await;
    assert_eq!(receive(asked).await.unwrap().0, 201);
}

#[tokio::test]
async fn cut_discards_held_bytes() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    env.ok("hold").await;
    let mut asked = register(&addr, "ada").await;
    // A refused link shows that the proxy has accepted the earlier one.
    env.ok("refuse").await;
    if let Ok(mut later) = TcpStream::connect(&addr).await {
        assert!(is_closed(&mut later).await);
    }
    env.ok("cut").await;
    assert!(is_closed(&mut asked).await);
    env.ok("accept").await;
    env.ok("release").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
}

#[tokio::test]
async fn restarted_server_keeps_users_and_url() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    env.ok("kill").await;
    assert!(login(&addr, "ada").await.is_none());
    assert_eq!(env.ask("kill").await, "error the server was killed");
    env.ok("start").await;
    assert!(login(&addr, "ada").await.is_some());
    assert_eq!(env.ask("start").await, "error the server is running");
}

#[tokio::test]
async fn revoke_ends_all_sessions_of_one_user() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("server").await;
    let mut tokens = Vec::new();
    for name in ["ada", "bob"] {
        assert_eq!(receive(register(&addr, name).await).await.unwrap().0, 201);
        tokens.push(login(&addr, name).await.unwrap());
        tokens.push(login(&addr, name).await.unwrap());
    }
    env.ok("revoke ada").await;
    for (token, status) in tokens.iter().zip([401, 401, 200, 200]) {
        assert_eq!(status_with(&addr, token).await, status);
    }
    assert!(env.ask("revoke nobody").await.starts_with("error "));
}

#[tokio::test]
async fn requests_without_a_server_are_errors() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    for request in ["direct", "cut", "refuse", "accept", "hold", "release", "kill", "start", "revoke ada"] {
        assert_eq!(env.ask(request).await, "error send `server` or `strict` first", "{request}");
    }
}
