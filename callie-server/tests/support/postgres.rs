//! A real PostgreSQL server for tests, with its own folder and port. It ends with the test process, however that ends.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

/// The timeout for a start, far longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The owner of the databases, which is not a superuser, as in production.
pub const ROLE: &str = "callie";
/// The password of [`ROLE`], and of the superuser.
pub const PASSWORD: &str = "a-secret-of-the-tests";

/// A script that runs the command for PostgreSQL in the folder `$1` and waits for a line on stdin. If stdin is closed
/// without a line, the test process has ended, and the script removes the folder. SIGQUIT ends PostgreSQL immediately,
/// as if the machine had failed.
const KEEPER: &str = r#"
folder=$1; shift
"$@" </dev/null >>"$folder/log" 2>&1 &
server=$!
if read -r line; then kill -"$line" $server; wait $server; exit 0; fi
kill -QUIT $server; wait $server; rm -rf "$folder"
"#;

/// A PostgreSQL server.
pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
    /// Whether it uses TLS, with the certificate of [`Postgres::certificate`].
    tls: bool,
    keeper: Mutex<Option<Child>>,
}

impl Postgres {
    /// Returns the server that the tests of this process share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Starts a server for a test that stops it.
    pub async fn start() -> Self {
        Self::start_with(false).await
    }

    /// Starts a server that also accepts TLS.
    pub async fn start_with_tls() -> Self {
        Self::start_with(true).await
    }

    async fn start_with(tls: bool) -> Self {
        let programs = programs();
        // Removed by the script and not by this process, which may be killed.
        let folder = tempfile::Builder::new().prefix("callie-postgres-").tempdir().unwrap().keep();
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        if tls {
            let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
            std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
            std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
            run(Command::new("chmod").arg("0600").arg(folder.join("key.pem")));
        }
        if is_root() {
            run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&folder));
        }
        // Sorts by the rules of a language, unlike SQLite, so that tests detect a dependence on the order.
        run(as_postgres(&programs.join("initdb"))
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"])
            .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(folder.join("data"))
            .stdout(Stdio::null()));
        let port = free_port();
        let server =
            Self { folder, programs, port, databases: AtomicU32::new(0), tls, keeper: Mutex::new(None) };
        server.start_again().await;
        let create = format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'");
        server.superuser().await.execute(AssertSqlSafe(create)).await.unwrap();
        server
    }

    /// Creates an empty database and returns its URL.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} OWNER {ROLE}");
        self.superuser().await.execute(AssertSqlSafe(create)).await.unwrap();
        format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }

    /// Returns the self-signed certificate of a server with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    /// Stops it in an orderly way. All connections end.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Stops it as if the machine had failed.
    pub fn crash(&self) {
        self.end("QUIT");
    }

    /// Starts it again after [`Postgres::stop`] or [`Postgres::crash`], with the same port and data.
    pub async fn start_again(&self) {
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&self.folder);
        let server = as_postgres(&self.programs.join("postgres"));
        keeper.arg(server.get_program()).args(server.get_args());
        keeper.arg("-D").arg(self.folder.join("data"));
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.folder.display()),
            "max_connections=400".to_owned(),
            // The tests need no durability.
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
            format!("ssl={}", if self.tls { "on" } else { "off" }),
            format!("ssl_cert_file={}", self.certificate().display()),
            format!("ssl_key_file={}", self.folder.join("key.pem").display()),
        ];
        for setting in &settings {
            keeper.args(["-c", setting]);
        }
        // In its own process group, so that Ctrl+C in a terminal leaves the script time to remove the folder.
        std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
        let keeper = keeper.current_dir(&self.folder).stdin(Stdio::piped()).spawn().unwrap();
        assert!(self.keeper.lock().unwrap().replace(keeper).is_none(), "it was running already");
        let since = Instant::now();
        while let Err(error) = self.try_superuser().await {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(since.elapsed() < PATIENCE, "PostgreSQL does not start: {error}\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Connects to the database `postgres` as superuser.
    pub async fn superuser(&self) -> PgConnection {
        self.try_superuser().await.unwrap()
    }

    async fn try_superuser(&self) -> Result<PgConnection, sqlx::Error> {
        let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port);
        PgConnection::connect(&url).await
    }

    fn end(&self, signal: &str) {
        use std::io::Write as _;
        let mut keeper = self.keeper.lock().unwrap().take().expect("it runs");
        writeln!(keeper.stdin.take().unwrap(), "{signal}").unwrap();
        assert!(keeper.wait().unwrap().success());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.lock().unwrap().take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        } else {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the command for a program. Root runs it as the user `postgres`, because PostgreSQL refuses root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.current_dir("/").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Finds the folder of the server's programs. Debian has one for each version, outside of the PATH.
fn programs() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        versions.into_iter().rev().chain(std::env::split_paths(&path)).find(|f| f.join("initdb").exists());
    found.expect("PostgreSQL is not installed: `make install` installs it")
}

/// Returns a free port below the ephemeral ones, so that no client gets it while the server is stopped.
fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
