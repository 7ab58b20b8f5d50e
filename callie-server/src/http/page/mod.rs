//! The chat page at `/`: a client of the protocol in plain JavaScript modules, which the program contains.
//!
//! `index.html` is the page's bones and `app.css` its looks. `protocol.js` has every name of the protocol and no other module
//! has one; `connection.js` keeps one session connected; `accounts.js` logs in; `model.js` is what a tab knows; `chat.js` decides;
//! `markdown.js` and `inline.js` make nodes of texts; `words.js` says what went wrong; `app.js`, `door.js`, `list.js`, `room.js`,
//! `bubble.js`, `dialogs.js` and `dom.js` show it all.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What the page may do: run its own scripts and styles, connect to its own server, and show images from the web, which
/// it loads only when its reader asks. Texts cannot become markup, because the page has no Trusted Types policy.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' http: https:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
/// The page needs none of the browser's devices.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal = $file:literal, $kind:ident;)*) => {
        /// The path, the media type and the content of each file.
        const FILES: &[(&str, &str, &str)] = &[$(($path, $kind, include_str!($file)),)*];
    };
}

files! {
    "/" = "index.html", HTML;
    "/page/app.css" = "app.css", CSS;
    "/page/icon.svg" = "icon.svg", SVG;
    "/page/accounts.js" = "accounts.js", SCRIPT;
    "/page/app.js" = "app.js", SCRIPT;
    "/page/bubble.js" = "bubble.js", SCRIPT;
    "/page/chat.js" = "chat.js", SCRIPT;
    "/page/connection.js" = "connection.js", SCRIPT;
    "/page/dialogs.js" = "dialogs.js", SCRIPT;
    "/page/dom.js" = "dom.js", SCRIPT;
    "/page/door.js" = "door.js", SCRIPT;
    "/page/inline.js" = "inline.js", SCRIPT;
    "/page/list.js" = "list.js", SCRIPT;
    "/page/markdown.js" = "markdown.js", SCRIPT;
    "/page/model.js" = "model.js", SCRIPT;
    "/page/protocol.js" = "protocol.js", SCRIPT;
    "/page/room.js" = "room.js", SCRIPT;
    "/page/words.js" = "words.js", SCRIPT;
}

/// Returns the paths of the page.
pub(super) fn page_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, &(path, kind, text)| {
        let tag = etag(text);
        router.route(path, get(move |headers: HeaderMap| async move { answer(&headers, kind, text, tag) }))
    })
}

/// Returns the file, or the status that the browser's copy is up to date.
fn answer(request: &HeaderMap, kind: &'static str, text: &'static str, tag: Option<HeaderValue>) -> Response {
    let known = tag.as_ref().is_some_and(|tag| has_tag(request, tag));
    let mut response = Response::new(Body::empty());
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(Bytes::from_static(text.as_bytes()));
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        // Revalidated each time and sent only when changed, so that a new server never meets old scripts.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(tag) = tag {
        headers.insert(ETAG, tag);
    }
    response
}

fn etag(text: &str) -> Option<HeaderValue> {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
    HeaderValue::from_str(&format!("\"{digest}\"")).ok()
}

/// Returns `true` if the browser has the file with this tag. A proxy that compresses makes the tag weak.
fn has_tag(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let lines = request.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(|t| t.trim().trim_start_matches("W/"));
    tags.any(|known| known.as_bytes() == tag.as_bytes())
}
