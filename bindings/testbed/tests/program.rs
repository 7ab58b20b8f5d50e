//! The program itself: its requests, and what ends together.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use support::{Bed, PATIENCE, is_closed, receive, register, send};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn invalid_requests_are_answered() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    for line in
        ["", "nonsense", "server now", "hostile", "hostile friend", "revoke", "revoke A B", "revoke ADA"]
    {
        assert!(env.ask(line).await.starts_with("error "), "{line}");
    }
    assert!(Path::new(&env.ok("vectors").await).join("envelope.json").exists());
}

#[tokio::test]
async fn nobody_listens_on_reserved_port() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("nobody").await;
    let refused = TcpStream::connect(&addr).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn pages_of_an_origin_may_use_the_servers() {
    let bed = Bed::start().await;
    for (request, is_allowed) in [("origin http://page.example", true), ("vectors", false)] {
        let mut env = bed.env().await;
        env.ok(request).await;
        for server in ["server", "direct"] {
            let addr = env.addr(server).await;
            let mut stream = send(&addr, "GET /nothing HTTP/1.1\r\norigin: http://page.example", "").await;
            let mut answer = String::new();
            timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
            let allowed = "access-control-allow-origin: http://page.example";
            assert_eq!(answer.contains(allowed), is_allowed, "{answer}");
        }
    }
}

#[tokio::test]
async fn root_of_tls_server_signs_its_certificate() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let answer = env.ok("tls").await;
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
async fn environment_ends_with_its_connection() {
    let bed = Bed::start().await;
    let (mut env, mut other) = (bed.env().await, bed.env().await);
    let mut links = Vec::new();
    for request in ["server", "tls", "hostile silent"] {
        links.push(TcpStream::connect(env.addr(request).await).await.unwrap());
    }
    let addr = other.addr("server").await;
    drop(env);
    for link in &mut links {
        assert!(is_closed(link).await);
    }
    assert_eq!(
        receive(register(&addr, "ada").await).await.unwrap().0,
        201,
        "the other environment is not affected"
    );
}

#[tokio::test]
async fn environments_end_when_stdin_is_closed() {
    let mut bed = Bed::start().await;
    let mut env = bed.env().await;
    let mut process = TcpStream::connect(env.addr("tls").await).await.unwrap();
    drop(bed.child.stdin.take());
    assert!(timeout(PATIENCE, bed.child.wait()).await.unwrap().unwrap().success());
    assert!(is_closed(&mut process).await);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn servers_die_with_killed_program() {
    let mut bed = Bed::start().await;
    let mut env = bed.env().await;
    let mut links = Vec::new();
    env.ok("server").await;
    for request in ["direct", "tls"] {
        links.push(TcpStream::connect(env.addr(request).await).await.unwrap());
    }
    bed.child.kill().await.unwrap();
    for link in &mut links {
        assert!(is_closed(link).await);
    }
}

#[tokio::test]
async fn failed_server_start_is_an_error() {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_callie-testbed"));
    let bed = Bed::of(child.args(["--server", "/nonexistent/callie-server"])).await;
    let answer = bed.env().await.ask("server").await;
    assert!(answer.contains("cannot start /nonexistent/callie-server: "), "{answer}");
}

#[tokio::test]
async fn program_leaves_no_files() {
    let mut bed = Bed::start().await;
    let (mut gone, mut open) = (bed.env().await, bed.env().await);
    for env in [&mut gone, &mut open] {
        env.ok("server").await;
        env.ok("tls").await;
    }
    drop(gone);
    drop(bed.child.stdin.take());
    assert!(bed.child.wait().await.unwrap().success());
    assert_eq!(std::fs::read_dir(bed.folder.path()).unwrap().count(), 0);
}
