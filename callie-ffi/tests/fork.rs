//! A process that forks: the child may use the library where its parent has not, and is refused at once where it has,
//! without harm to the parent.
//!
//! Tests run in many threads, and a child of `fork` has one of them. So each forks in a process of its own, which this
//! program starts; the server that it talks to is out here.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "forking is what is tested")]

#[path = "../../callie-client/tests/fake/mod.rs"]
mod fake;

use std::future::Future;
use std::pin::{Pin, pin};
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use callie::api::{self, CallError, Client, Config, Credentials, Server};
use callie_client::{ConnectionState, ErrorKind, SendOutcome, code};
use callie_core::{Notice, SysCode};
use fake::{fake_sockets, next_id, say, welcome};

const URL: &str = "CALLIE_TEST_URL";
/// Far over what any of these takes: the system ends the process then.
const SECONDS: u32 = 30;
/// Longer than any wait here.
const LONG: Duration = Duration::from_secs(20);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for `work`, as a foreign language does: the library's runtime is not this thread's.
fn wait<F: Future>(work: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut work = pin!(work);
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// Runs a test of this program in a process of its own, against a server that welcomes everyone and answers commands.
async fn run(test: &str) {
    let credentials = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        while let Some(id) = next_id(&mut socket).await {
            say(&mut socket, &Notice::builder(SysCode::CommandOk).in_reply_to(id)).await;
        }
    })
    .await
    .unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(URL, credentials.config().address.to_string());
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && output.contains("1 passed"),
        "{output}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn config() -> Config {
    Config {
        url: std::env::var(URL).unwrap(),
        connect_timeout: None,
        request_timeout: None,
        send_timeout: None,
        max_waiting: None,
        event_queue: None,
        extra_roots: Vec::new(),
        bundled_roots: true,
        pins: Vec::new(),
        use_proxy: false,
        state_file: None,
    }
}

fn connect() -> Result<Client, CallError> {
    let credentials = Credentials::new(config(), "ada".to_owned(), "token".to_owned())?;
    let client = Client::new(Arc::new(credentials))?;
    wait(client.connect())?;
    Ok(client)
}

fn works(client: &Client) {
    wait(client.command("LIST_SESSIONS".to_owned(), "{}".to_owned())).unwrap();
}

/// Forks; `child` runs in the child, and must come to its end there.
fn fork(child: impl FnOnce()) {
    // SAFETY: the child calls nothing but what is tested, and ends without unwinding or handlers of its parent.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: as above.
            unsafe { libc::alarm(SECONDS) };
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: the place is there, and the child is this process's own.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert_eq!(status, 0, "the child failed");
        }
    }
}

#[tokio::test]
async fn forked_child_is_refused_and_parent_continues() {
    run("used_before_the_fork").await;
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn used_before_the_fork() {
    // SAFETY: nothing is done but that the system ends this process if it hangs.
    unsafe { libc::alarm(SECONDS) };
    let client = Arc::new(connect().unwrap());
    let ticket = client.send("bob".to_owned(), "x".to_owned(), Vec::new(), None).unwrap();
    for _ in 0..10 {
        // A call that is in progress in both.
        let call = |held: Arc<Client>| Box::pin(async move { held.await_events(LONG).await });
        let mut pending: Pin<Box<dyn Future<Output = _>>> = call(Arc::clone(&client));
        while let Poll::Ready(arrived) = pending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            arrived.unwrap();
            client.take_batch(64).unwrap();
            pending = call(Arc::clone(&client));
        }
        let (client_there, pending_there) = (Arc::clone(&client), &mut pending);
        fork(|| {
            let client = client_there;
            let refused = wait(client.command("LIST_SESSIONS".to_owned(), "{}".to_owned())).unwrap_err();
            assert!(
                matches!(&refused, CallError::Failed { kind: ErrorKind::Internal, code, reason }
                if code == code::FORKED && reason.contains("spawn")),
                "{refused:?}"
            );
            let refused = client.send("bob".to_owned(), "x".to_owned(), Vec::new(), None).unwrap_err();
            assert!(
                matches!(&refused, CallError::Failed { kind: ErrorKind::Internal, code, .. } if code == code::FORKED),
                "{refused:?}"
            );
            for call in [Client::start, Client::suspend, Client::resume] {
                let refused = call(&client).unwrap_err();
                assert!(
                    matches!(&refused, CallError::Failed { kind: ErrorKind::Internal, code, .. } if code == code::FORKED),
                    "{refused:?}"
                );
            }
            for call in [Client::network_changed, Client::begin_disconnect] {
                call(&client);
            }
            wait(client.connect()).unwrap_err();
            wait(client.await_events(LONG)).unwrap_err();
            client.take_batch(1).unwrap_err();
            client.fetch_batch(1).unwrap_err();
            client.confirm_taken(u64::MAX);
            client.credentials().unwrap_err();
            client.set_token_source(None);
            assert_eq!(client.state(), ConnectionState::Closed);
            let _ = (client.stats(), client.limits(), client.username());
            assert_eq!(wait(ticket.outcome()), SendOutcome::Unconfirmed);
            wait(client.disconnect());
            let server = Server::new(config()).unwrap();
            wait(server.login("ada".to_owned(), "password".to_owned(), None)).unwrap_err();
            assert!(connect().is_err());
            assert!(api::stop_callbacks(0));
            // What the parent polled is dropped here as well, and all that the child holds.
            let polled = pending_there.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Ready(Err(_))), "{polled:?}");
            *pending_there = Box::pin(async { Ok(()) });
            drop(client);
        });
        works(&client);
    }
    wait(client.disconnect());
}

#[tokio::test]
async fn forked_child_may_use_the_library_first() {
    run("unused_before_the_fork").await;
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn unused_before_the_fork() {
    // SAFETY: nothing is done but that the system ends this process if it hangs.
    unsafe { libc::alarm(SECONDS) };
    for _ in 0..3 {
        fork(|| {
            let client = connect().unwrap();
            works(&client);
            wait(client.disconnect());
        });
    }
    works(&connect().unwrap());
}
