//! The chat page in real browsers, and the files that the server sends.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod browser;
mod support;

use std::net::SocketAddr;

use browser::{Browser, Driver};
use callie_core::account::{AccountError, SUBPROTOCOL, path};
use callie_core::command::Command;
use callie_core::{SysCode, should_reconnect};
use callie_server::{Config, Server};
use serde_json::{Value, json};
use support::{PASSWORD, call, call_with, register, start, start_with};

/// A text that browsers must not interpret as markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(2)</script> <b>no</b> [click](javascript:alert(3)) [more](data:text/html,x)";

async fn sign_up(browser: &Browser, addr: SocketAddr, name: &str) {
    browser.client.goto(&format!("http://{addr}/")).await.unwrap();
    browser.click("#switch").await;
    browser.fill("#name", name).await;
    browser.fill("#password", PASSWORD).await;
    browser.click("#enter").await;
    browser.sees("#link", "Online").await;
}

async fn begin(browser: &Browser, name: &str) {
    browser.click("#new-person").await;
    browser.fill("#person-name", name).await;
    browser.click("#person-dialog .primary").await;
    browser.sees("#room-title", name).await;
}

/// Types a text of any number of lines and sends it.
async fn say(browser: &Browser, text: &str) {
    let script = "const field = document.getElementById('text');
        field.value = arguments[0];
        field.dispatchEvent(new Event('input', { bubbles: true }));";
    browser.run(script, vec![json!(text)]).await;
    browser.click("#send").await;
}

/// Checks that the log contains only what the browser logs about a lost connection or a refused login.
async fn assert_no_complaints(browser: &Browser) {
    let complaints: Vec<_> = browser
        .console()
        .await
        .into_iter()
        .filter(|line| !(line.contains("WebSocket connection to") && line.contains("ERR_CONNECTION_REFUSED")))
        .filter(|line| !line.contains("the server responded with a status of 401"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[tokio::test]
async fn two_people_chat_in_their_browsers() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("callie.db").display().to_string();
    let config = Config { listen: "127.0.0.1:0".into(), database, ..Config::default() };
    let server = Server::start(config.clone()).await.unwrap();
    let addr = server.addr();
    register(addr, "carol").await;
    let driver = Driver::start().await;
    let (alice, bob) = tokio::join!(driver.browser("alice"), driver.browser("bob"));

    sign_up(&alice, addr, "alice").await;
    bob.client.goto(&format!("http://{addr}/")).await.unwrap();
    bob.fill("#name", "alice").await;
    bob.fill("#password", "not her password").await;
    bob.click("#enter").await;
    bob.sees("#door-error[role=alert]", "The username or the password is wrong.").await;
    bob.picture("door-refused").await;
    sign_up(&bob, addr, "bob").await;

    // First an unknown user, then bob, with Markdown.
    alice.click("#first-person").await;
    alice.fill("#person-name", "nobody").await;
    alice.click("#person-dialog .primary").await;
    alice.sees("#person-dialog .error", "There is no user with this username").await;
    alice.fill("#person-name", "bob").await;
    alice.click("#person-dialog .primary").await;
    alice.sees("#room-title", "bob").await;
    say(&alice, "Hello **bob**! The *plan* is in [the notes](https://example.com/notes):\n\n- bring `tea`\n- bring cake\n\n> Tea at four.").await;
    alice.sees(".mine[data-state=delivered]", "Hello bob!").await;
    bob.sees("#list .badge", "1").await;
    bob.click_text("#list .row", "alice").await;
    bob.sees(".theirs .body strong", "bob").await;
    bob.sees(".theirs .body li code", "tea").await;
    let rel = bob.run("return document.querySelector('.theirs .body a').rel", vec![]).await;
    assert_eq!(rel, "noopener noreferrer");

    // A typing signal, and an answer with markup.
    bob.fill("#text", "I am").await;
    alice.sees("#typing", "bob is typing").await;
    say(&bob, HOSTILE).await;
    bob.sees(".mine[data-state=delivered]", "alert(2)").await;
    alice.sees(".theirs .body", HOSTILE).await;
    alice.sees_no("#typing", "typing").await;
    let made = alice
        .run("return document.querySelectorAll('#log img, #log script, #log b, .theirs a').length", vec![])
        .await;
    assert_eq!(made, 0);

    // An image is a link until it is clicked.
    alice.click("#attach").await;
    alice.fill("#attach-url", "ftp://example.com/x").await;
    alice.click("#attach-dialog .primary").await;
    alice.sees("#attach-dialog .error", "must begin with https://").await;
    alice.fill("#attach-url", &format!("http://{addr}/page/icon.svg")).await;
    alice.run("document.getElementById('attach-kind').value = 'image'", vec![]).await;
    alice.fill("#attach-name", "logo.svg").await;
    alice.click("#attach-dialog .primary").await;
    alice.sees("#attached li", "logo.svg").await;
    say(&alice, "Our logo:").await;
    bob.sees(".theirs .file a", "logo.svg").await;
    assert_eq!(bob.run("return document.querySelectorAll('#log img').length", vec![]).await, 0);
    bob.click_text(".file button", "Show").await;
    let width = "const image = document.querySelector('#log img');
        await image.decode();
        return image.naturalWidth";
    assert!(bob.run_module(width, vec![]).await.as_u64().is_some_and(|width| width > 0));
    say(&bob, "```\nlet tea = brew(Leaf::Assam, 4);\n```\nSee https://example.com/tea_(drink).").await;
    alice.sees(".theirs .body pre", "brew(").await;
    for (name, width, height, colours) in
        [("chat", 1200, 800, "light"), ("chat-dark", 1200, 800, "dark"), ("chat-360", 360, 720, "light")]
    {
        alice.look(width, height, colours).await;
        alice.picture(name).await;
        let overflow = "return document.documentElement.scrollWidth - window.innerWidth";
        assert!(alice.run(overflow, vec![]).await.as_i64().is_some_and(|over| over <= 0), "{name}");
    }
    alice.look(1200, 800, "light").await;

    // A user who is offline.
    begin(&alice, "carol").await;
    say(&alice, "Are you there?").await;
    alice.sees(".mine[data-state=failed] .note[role=alert]", "carol is offline").await;
    alice.sees("#room-status", "Offline").await;
    alice.picture("offline").await;

    // A group is created, used, left, found and joined again.
    alice.click("#new-group").await;
    alice.fill("#group-name", "Tea at four").await;
    alice.fill("#group-members", "bob").await;
    alice.click("#group-open").await;
    alice.click("#group-dialog .primary").await;
    alice.sees("#room-title", "Tea at four").await;
    alice.sees("#room-status", "2 members").await;
    say(&alice, "Who brings **scones**?").await;
    alice.sees(".mine[data-state=delivered]", "scones").await;
    bob.click_text("#list .row", "Tea at four").await;
    bob.sees(".theirs .author", "alice").await;
    say(&bob, "I do").await;
    alice.sees(".theirs .body", "I do").await;
    bob.click("#leave").await;
    bob.click("#leave-dialog .primary").await;
    bob.sees_no("#list .row", "Tea at four").await;
    alice.sees("#log .line", "bob left the group.").await;
    bob.click("#browse").await;
    bob.sees("#public-groups li", "1 member").await;
    bob.picture("public-groups").await;
    bob.click("#public-groups button").await;
    bob.sees("#room-title", "Tea at four").await;
    alice.sees("#log .line", "bob joined the group.").await;
    alice.click("#members").await;
    alice.sees("#member-rows li", "owner").await;
    alice.fill("#member-name", "carol").await;
    alice.click("#add-member .primary").await;
    alice.sees("#member-rows li", "carol").await;
    alice.picture("members").await;
    alice.click("#members-dialog .cancel").await;
    say(&alice, "Welcome back!").await;
    alice.sees(".mine[data-state=delivered]", "Welcome back!").await;
    alice.sees(".mine .tick", "Delivered to 1, 1 offline").await;

    // The server is restarted. Messages written meanwhile arrive afterwards.
    alice.click_text("#list .row", "bob").await;
    alice.sees("#room-status", "Online").await;
    server.shutdown().await;
    alice.sees("#banner", "The connection is lost").await;
    alice.sees("#link", "Reconnecting").await;
    say(&alice, "Written while the server was away").await;
    alice.sees(".mine[data-state=waiting]", "Written while").await;
    alice.picture("reconnecting").await;
    let server = Server::start(Config { listen: addr.to_string(), ..config }).await.unwrap();
    bob.sees("#link", "Online").await;
    alice.sees("#link", "Online").await;
    alice.sees_no("#banner", "lost").await;
    alice.sees("#log .mine", "Written while the server was away").await;
    bob.click_text("#list .row", "alice").await;
    say(&bob, "Back again").await;
    bob.sees(".mine[data-state=delivered]", "Back again").await;
    alice.sees(".theirs .body", "Back again").await;

    // A reload keeps the session and the messages. A session that is revoked elsewhere leads to the login form.
    bob.client.refresh().await.unwrap();
    bob.sees("#link", "Online").await;
    bob.click_text("#list .row", "alice").await;
    bob.sees(".mine .body", "Back again").await;
    bob.click("#log-out").await;
    bob.sees("#door-title", "").await;
    let token = alice.run("return JSON.parse(sessionStorage.getItem('callie.session')).token", vec![]).await;
    call(addr, "POST", path::LOGOUT, token.as_str(), "").await;
    alice.sees("#door-error", "Your session was ended. Log in again.").await;

    assert_no_complaints(&alice).await;
    assert_no_complaints(&bob).await;
    tokio::join!(async { alice.client.close().await.unwrap() }, async { bob.client.close().await.unwrap() });
    server.shutdown().await;
}

#[tokio::test]
async fn page_renders_markdown_and_uses_core_names() {
    let server = start().await;
    let driver = Driver::start().await;
    let browser = driver.browser("markdown").await;
    browser.client.goto(&format!("http://{}/", server.addr())).await.unwrap();
    markdown(&browser).await;
    names(&browser).await;
    assert_no_complaints(&browser).await;
    browser.client.close().await.unwrap();
}

async fn markdown(browser: &Browser) {
    let link = |href: &str, words: &str| {
        format!("<a href=\"{href}\" target=\"_blank\" rel=\"noopener noreferrer\">{words}</a>")
    };
    let cases = [
        ("plain", "<p>plain</p>".to_owned()),
        ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>".into()),
        (
            "**a** *b* __c__ _d_ ~~e~~",
            "<p><strong>a</strong> <em>b</em> <strong>c</strong> <em>d</em> <del>e</del></p>".into(),
        ),
        ("***both***", "<p><strong><em>both</em></strong></p>".into()),
        ("*a **b** c*", "<p><em>a <strong>b</strong> c</em></p>".into()),
        ("2 * 3 * 4 and snake_case_name", "<p>2 * 3 * 4 and snake_case_name</p>".into()),
        ("**open and *open", "<p>**open and *open</p>".into()),
        (r"\*not\* \<b>", "<p>*not* &lt;b&gt;</p>".into()),
        ("`a *b* <i>` and ``c ` d``", "<p><code>a *b* &lt;i&gt;</code> and <code>c ` d</code></p>".into()),
        ("`open", "<p>`open</p>".into()),
        ("# One\n### Three #1", "<h3>One</h3><h5>Three #1</h5>".into()),
        ("#none", "<p>#none</p>".into()),
        (
            "```rust\nlet a = \"<b>\";\n\n**no**\n```\nafter",
            "<pre tabindex=\"0\"><code>let a = \"&lt;b&gt;\";\n\n**no**</code></pre><p>after</p>".into(),
        ),
        ("```\nnever closed", "<pre tabindex=\"0\"><code>never closed</code></pre>".into()),
        ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>".into()),
        ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>".into()),
        ("3. a\n4. b", "<ol start=\"3\"><li>a</li><li>b</li></ol>".into()),
        ("a\n***\nb", "<p>a</p><hr><p>b</p>".into()),
        (
            "[a *b*](https://x.example/y \"t\")",
            format!("<p>{}</p>", link("https://x.example/y", "a <em>b</em>")),
        ),
        ("![cat](https://x.example/c.png)", format!("<p>{}</p>", link("https://x.example/c.png", "cat"))),
        (
            "see https://x.example/a_(b), ok",
            format!("<p>see {}, ok</p>", link("https://x.example/a_(b)", "https://x.example/a_(b)")),
        ),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>".into()),
        (
            "[x](JaVaScRiPt:alert(1)) [y](data:a) [z](/path) [v](vbscript:x)",
            "<p>[x](JaVaScRiPt:alert(1)) [y](data:a) [z](/path) [v](vbscript:x)</p>".into(),
        ),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>".into()),
        (
            "[<img src=x>](https://x.example/)",
            format!("<p>{}</p>", link("https://x.example/", "&lt;img src=x&gt;")),
        ),
        ("", String::new()),
    ];
    let render = "const { render } = await import('/page/markdown.js');
        return args[0].map((text) => {
            const at = document.createElement('div');
            at.append(render(text));
            return at.innerHTML;
        });";
    let texts: Vec<&str> = cases.iter().map(|(text, _)| *text).collect();
    let made = browser.run_module(render, vec![json!(texts)]).await;
    for (i, (text, expected)) in cases.iter().enumerate() {
        assert_eq!(made[i], json!(expected), "{text}");
    }

    // Texts of the maximum size that are slow to render must not block the page.
    let hostile = "const { render } = await import('/page/markdown.js');
        const parts = ['*', '**a ', '_a', '[', '![', '[a](', '`', '`` ` ', '> ', '- ', '# ', '~~', '\\\\', ' ', '```', 'http://[', '(', '*_', '[](', '1. '];
        let slowest = [0, ''];
        for (const part of parts) {
            for (const end of ['', 'x', '`', '](', '*']) {
                const text = part.repeat(32768 / part.length) + end;
                const before = performance.now();
                render(text);
                const took = performance.now() - before;
                if (took > slowest[0]) slowest = [took, part + end];
            }
        }
        return slowest;";
    let slowest = browser.run_module(hostile, vec![]).await;
    assert!(slowest[0].as_f64().unwrap() < 1_000.0, "{slowest}");
}

/// Compares the names in the page's module with those of the core.
async fn names(browser: &Browser) {
    let script = "const p = await import('/page/protocol.js');
        const commands = Object.values(p.commands).map((make) => make('a', ['a']).name);
        const codes = [];
        for (let code = 1000; code < 5000; code++) if (p.comesBack(code)) codes.push(code);
        return {
            commands, codes,
            notices: Object.values(p.Code), calls: Object.values(p.AccountCode),
            paths: ['register', 'login', 'logout'].map((name) => p.accounts[name]({}).path),
            socket: [p.SOCKET, p.SUBPROTOCOL], ids: [p.newId(0), p.newId(), p.newId()],
        };";
    let said = browser.run_module(script, vec![]).await;
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    for command in texts(&said["commands"]) {
        assert!(Command::NAMES.contains(&command.as_str()), "{command}");
    }
    for code in texts(&said["notices"]) {
        assert!(SysCode::from_name(&code).is_some(), "{code}");
    }
    for code in texts(&said["calls"]) {
        assert!(AccountError::ALL.iter().any(|error| error.code() == code), "{code}");
    }
    assert_eq!(texts(&said["paths"]), [path::REGISTER, path::LOGIN, path::LOGOUT]);
    assert_eq!(texts(&said["socket"]), [path::SOCKET, SUBPROTOCOL]);
    let codes: Vec<u16> = serde_json::from_value(said["codes"].clone()).unwrap();
    let differs = |code: &u16| codes.binary_search(code).is_ok() != should_reconnect(*code);
    assert_eq!((1_000..5_000).filter(differs).collect::<Vec<u16>>(), [0; 0]);
    let ids = texts(&said["ids"]);
    assert!(ids[0].starts_with("00000000-0000-7"), "{ids:?}");
    assert!(ids[1] != ids[2] && ids.iter().all(|id| callie_core::PayloadId::parse(id).is_ok()), "{ids:?}");
}

#[tokio::test]
async fn page_has_strict_policy_and_is_cached() {
    let server = start().await;
    let page = call(server.addr(), "GET", "/", None, "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.split(';').any(|r| r.trim() == rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    for inline in ["<style", " style=", " onclick=", "javascript:", "https://fonts"] {
        assert!(!page.body.contains(inline), "{inline}");
    }
    // Each file that the page refers to exists, and is not sent again while it is unchanged.
    let named = page.body.split('"').filter(|part| part.starts_with("page/")).map(|part| format!("/{part}"));
    for file in named.chain(["/", "/page/protocol.js"].map(str::to_owned)) {
        let first = call(server.addr(), "GET", &file, None, "").await;
        assert_eq!(first.status, 200, "{file}");
        let known = format!("if-none-match: {}\r\n", first.header("etag").unwrap());
        let again = call_with(server.addr(), "GET", &file, None, "", &known).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{file}");
        let other = call_with(server.addr(), "GET", &file, None, "", "if-none-match: \"old\"\r\n").await;
        assert_eq!(other.status, 200, "{file}");
    }
    assert_eq!(call(server.addr(), "GET", "/page/none.js", None, "").await.status, 404);
}

#[tokio::test]
async fn page_can_be_disabled() {
    let server = start_with(Config { web_page: false, ..Config::default() }).await;
    for file in ["/", "/page/app.js"] {
        assert_eq!(call(server.addr(), "GET", file, None, "").await.status, 404, "{file}");
    }
}
