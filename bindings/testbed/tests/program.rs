//! The program itself: its lines, and what ends with what.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::{Bed, PATIENCE, is_closed, receive, register};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn what_is_no_request_is_answered_and_the_world_goes_on() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    for line in
        ["", "nonsense", "server now", "hostile", "hostile friend", "revoke", "revoke A B", "revoke ADA"]
    {
        assert!(world.ask(line).await.starts_with("error "), "{line}");
    }
    assert!(Path::new(&world.ok("vectors").await).join("envelope.json").exists());
}

#[tokio::test]
async fn nobody_listens_where_nobody_is_asked_for() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let addr = world.addr("nobody").await;
    let refused = TcpStream::connect(&addr).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_tls_server_has_a_certificate_by_the_root_it_names() {
    let bed = Bed::start().await;
    let mut world = bed.world().await;
    let answer = world.ok("tls").await;
    let [url, root, pin] = answer.split(' ').collect::<Vec<_>>()[..] else { unreachable!("{answer}") };
    assert_eq!((pin.len(), pin.chars().all(|c| c.is_ascii_hexdigit())), (64, true), "{pin}");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(url.strip_prefix("https://").unwrap()).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    tls.write_all(b"GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, tls.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn a_world_ends_with_its_connection() {
    let bed = Bed::start().await;
    let (mut world, mut other) = (bed.world().await, bed.world().await);
    let mut links = Vec::new();
    for request in ["server", "tls", "hostile silent"] {
        links.push(TcpStream::connect(world.addr(request).await).await.unwrap());
    }
    let addr = other.addr("server").await;
    drop(world);
    for link in &mut links {
        assert!(is_closed(link).await);
    }
    assert_eq!(receive(register(&addr, "ada").await).await.unwrap().0, 201, "another's world goes on");
}

#[tokio::test]
async fn the_program_and_all_its_worlds_end_with_its_stdin() {
    let mut bed = Bed::start().await;
    let mut world = bed.world().await;
    let mut process = TcpStream::connect(world.addr("tls").await).await.unwrap();
    drop(bed.child.stdin.take());
    assert!(timeout(PATIENCE, bed.child.wait()).await.unwrap().unwrap().success());
    assert!(is_closed(&mut process).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_servers_end_with_a_program_that_is_killed() {
    let mut bed = Bed::start().await;
    let mut world = bed.world().await;
    let mut links = Vec::new();
    world.ok("server").await;
    for request in ["direct", "tls"] {
        links.push(TcpStream::connect(world.addr(request).await).await.unwrap());
    }
    bed.child.kill().await.unwrap();
    for link in &mut links {
        assert!(is_closed(link).await);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_started_is_an_error() {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_callie-testbed"));
    let bed = Bed::of(child.args(["--server", "/nonexistent/callie-server"])).await;
    let answer = bed.world().await.ask("server").await;
    assert!(answer.contains("cannot start /nonexistent/callie-server: "), "{answer}");
}

#[tokio::test]
async fn a_program_that_ends_leaves_no_files() {
    let mut bed = Bed::start().await;
    let (mut gone, mut open) = (bed.world().await, bed.world().await);
    for world in [&mut gone, &mut open] {
        world.ok("server").await;
        world.ok("tls").await;
    }
    drop(gone);
    drop(bed.child.stdin.take());
    assert!(bed.child.wait().await.unwrap().success());
    assert_eq!(std::fs::read_dir(bed.folder.path()).unwrap().count(), 0);
}
