//! Real browsers for the tests of the page, controlled over WebDriver and ended with the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

/// The timeout of every step, far longer than a step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
const INSTALL: &str = "the tests of the page need Chromium: run scripts/install.sh, or apt-get install chromium chromium-driver";
/// A script that returns when a visible element has the text, or when none has it any more.
const WATCH: &str = "
    const [selector, text, wanted, done] = arguments;
    const has = () => [...document.querySelectorAll(selector)].some((e) => e.checkVisibility() && e.textContent.includes(text));
    const look = () => {
        if (has() === wanted) {
            observer.disconnect();
            done(true);
        }
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    look();";

/// A running WebDriver.
pub struct Driver {
    process: Child,
    port: u16,
    profiles: TempDir,
}

impl Driver {
    pub async fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect(INSTALL);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let read = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').parse().unwrap();
                }
            }
            panic!("chromedriver ended early");
        };
        let port = tokio::time::timeout(PATIENCE, read).await.expect("chromedriver starts");
        // Its later output is not used, but must be read, so that it does not block.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, port, profiles: tempfile::tempdir().unwrap() }
    }

    /// Starts a new browser without any data.
    pub async fn browser(&self, name: &str) -> Browser {
        let profile = self.profiles.path().join(name);
        let capabilities = json!({
            "goog:chromeOptions": { "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--lang=en-GB", "--window-size=1200,800",
                format!("--user-data-dir={}", profile.display()),
            ] },
            // The proxies of the tests have self-signed certificates.
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": PATIENCE.as_millis() as u64, "pageLoad": PATIENCE.as_millis() as u64 },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .unwrap_or_else(|error| panic!("{error}; {INSTALL}"));
        Browser { client, name: name.to_owned() }
    }
}

impl Drop for Driver {
    /// Has the driver end its browsers, which are processes of their own.
    fn drop(&mut self) {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = write!(
            stream,
            "GET /shutdown HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\r\n",
            self.port
        );
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

/// One browser with one tab.
pub struct Browser {
    pub client: Client,
    name: String,
}

impl Browser {
    /// Waits until a visible element has this text.
    pub async fn sees(&self, selector: &str, text: &str) {
        self.watch(selector, text, true).await;
    }

    /// Waits until no visible element has this text.
    pub async fn sees_no(&self, selector: &str, text: &str) {
        self.watch(selector, text, false).await;
    }

    async fn watch(&self, selector: &str, text: &str, wanted: bool) {
        let arguments = vec![json!(selector), json!(text), json!(wanted)];
        if let Err(error) = self.client.execute_async(WATCH, arguments).await {
            let page = self.run("return document.body.innerText", vec![]).await;
            panic!("{}: {selector} and {text:?}, {wanted}: {error}\n{page}", self.name);
        }
    }

    /// Waits for the element and clicks it.
    pub async fn click(&self, selector: &str) {
        self.sees(selector, "").await;
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap_or_else(|error| panic!("{}: {selector}: {error}", self.name));
    }

    /// Clicks the element with this text.
    pub async fn click_text(&self, selector: &str, text: &str) {
        self.sees(selector, text).await;
        let script = "const [selector, text] = arguments;
            [...document.querySelectorAll(selector)].find((e) => e.checkVisibility() && e.textContent.includes(text)).click()";
        self.run(script, vec![json!(selector), json!(text)]).await;
    }

    /// Clears the field and types into it.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.sees(selector, "").await;
        let field = self.client.find(Locator::Css(selector)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{}: {selector}: {error}", self.name));
    }

    /// Runs a script in the page.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Runs an asynchronous script and returns its value. Panics with what it throws.
    pub async fn run_module(&self, body: &str, arguments: Vec<Value>) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            (async (args) => {{ {body} }})(arguments).then((value) => done({{ value }}), (error) => done({{ error: String(error?.stack ?? error) }}));"
        );
        let answer = self.client.execute_async(&script, arguments).await.unwrap();
        assert_eq!(answer.get("error"), None, "{}", answer["error"]);
        answer["value"].clone()
    }

    /// Returns what the browser has logged since the last call, including errors of scripts and of the content security
    /// policy.
    pub async fn console(&self) -> Vec<String> {
        let entries =
            self.client.issue_cmd(Extension { path: "se/log", body: json!({ "type": "browser" }) }).await;
        let entries = entries.unwrap();
        entries.as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Sets the width and the height of the page in CSS pixels, and the colour scheme.
    pub async fn look(&self, width: u32, height: u32, colours: &str) {
        let mobile = width < 600;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": colours }] });
        self.cdp("Emulation.setEmulatedMedia", features).await;
    }

    /// Saves a screenshot of the page below target/.
    pub async fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
    }

    async fn cdp(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await.unwrap();
    }
}

/// A command of this driver that is not part of WebDriver.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
