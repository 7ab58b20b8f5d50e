//! A real server behind the proxy: reached, cut off, held, killed, revoked.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use support::{Bed, is_closed, login, receive, register, status_with, wrong_login};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_server_is_reached_through_its_proxy() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 409);
    assert_eq!(world.ask("server").await, "error this world has its server");
}

/// The limit of attempts on one name stands for all rates.
#[tokio::test]
async fn strict_server_has_default_rates() {
    let bed = Bed::start().await;
    let (mut strict, mut wide) = (bed.world().await, bed.world().await);
    let (strict_addr, wide_addr) = (strict.addr("strict").await, wide.addr("server").await);
    let mut refused = false;
    for _ in 0..15 {
        refused |= wrong_login(&strict_addr, "ada").await == 429;
        assert_eq!(wrong_login(&wide_addr, "ada").await, 401);
    }
    assert!(refused);
    assert_eq!(strict.ask("server").await, "error this world has its server");
    for request in ["kill", "start"] {
        strict.ok(request).await;
    }
    let mut again = false;
    for _ in 0..15 {
        again |= wrong_login(&strict_addr, "ada").await == 429;
    }
    assert!(again, "a server that is started again has the same rates");
}

#[tokio::test]
async fn worlds_have_servers_of_their_own() {
    let bed = Bed::start().await;
    for mut world in [bed.world().await, bed.world().await] {
        let addr = world.addr("server").await;
        assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    }
}

#[tokio::test]
async fn cut_closes_every_link_and_new_ones_are_taken() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    // An answer shows that the proxy has taken the links before it.
    let mut links = [TcpStream::connect(&addr).await.unwrap(), TcpStream::connect(&addr).await.unwrap()];
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    world.ok("cut").await;
    for link in &mut links {
        assert!(is_closed(link).await);
    }
    assert!(login(&addr, "ada").await.is_some());
}

#[tokio::test]
async fn the_direct_way_is_neither_cut_nor_held() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let (proxy, direct) = (world.addr("server").await, world.addr("direct").await);
    for request in ["refuse", "hold", "cut"] {
        world.ok(request).await;
    }
    assert_eq!(receive(register(&direct, "ada").await).await.unwrap().0, 201);
    for request in ["accept", "release"] {
        world.ok(request).await;
    }
    assert!(login(&proxy, "ada").await.is_some(), "both lead to one server");
}

#[tokio::test]
async fn refuse_resets_new_links_until_they_are_accepted_again() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    world.ok("refuse").await;
    let refused = async { Ok::<_, std::io::Error>(is_closed(&mut TcpStream::connect(&addr).await?).await) };
    assert!(refused.await.unwrap_or(true));
    world.ok("accept").await;
    assert!(login(&addr, "ada").await.is_some());
}

#[tokio::test]
async fn what_is_held_goes_on_when_released() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    world.ok("hold").await;
    let asked = register(&addr, "ada").await;
    world.ok("release").await;
    assert_eq!(receive(asked).await.unwrap().0, 201);
}

#[tokio::test]
async fn what_is_held_and_then_cut_never_arrives() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    world.ok("hold").await;
    let mut asked = register(&addr, "ada").await;
    // A link that is refused shows that the one before it was taken.
    world.ok("refuse").await;
    if let Ok(mut later) = TcpStream::connect(&addr).await {
        assert!(is_closed(&mut later).await);
    }
    world.ok("cut").await;
    assert!(is_closed(&mut asked).await);
    world.ok("accept").await;
    world.ok("release").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
}

#[tokio::test]
async fn a_killed_server_starts_again_with_its_users_behind_its_url() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201);
    world.ok("kill").await;
    assert!(login(&addr, "ada").await.is_none());
    assert_eq!(world.ask("kill").await, "error the server is killed");
    world.ok("start").await;
    assert!(login(&addr, "ada").await.is_some());
    assert_eq!(world.ask("start").await, "error the server runs");
}

#[tokio::test]
async fn revoke_ends_every_session_of_the_user_and_of_nobody_else() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("server").await;
    let mut tokens = Vec::new();
    for name in ["ada", "bob"] {
        assert_eq!(receive(register(&addr, name).await).await.unwrap().0, 201);
        tokens.push(login(&addr, name).await.unwrap());
        tokens.push(login(&addr, name).await.unwrap());
    }
    world.ok("revoke ada").await;
    for (token, status) in tokens.iter().zip([401, 401, 200, 200]) {
        assert_eq!(status_with(&addr, token).await, status);
    }
    assert!(world.ask("revoke nobody").await.starts_with("error "));
}

#[tokio::test]
async fn without_a_server_there_is_nothing_to_cut() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    for request in ["direct", "cut", "refuse", "accept", "hold", "release", "kill", "start", "revoke ada"] {
        assert_eq!(world.ask(request).await, "error ask for a `server` or a `strict` one first", "{request}");
    }
}
