//! The cost of receiving, delivering and building a payload, compared with serde_json on the same text in the same run.
//!
//! After the measurements, it prints each result as a ratio to its reference, and the target.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot set itself up should stop")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use callie_core::{
    Content, EnvelopeIds, Limits, Message, MessageId, Payload, PayloadId, PayloadRef, Recipient, Sender,
    Timestamp, Token, Username,
};
use criterion::{BenchmarkGroup, Criterion, measurement::WallTime};
use serde::Serialize;
use serde::de::IgnoredAny;

const TOKEN: &str = "q8Zr1nT0uYvXk3mJ5cHs7dLw9fGb2aQe4iRoPxNtMzU";
const PAYLOAD_ID: &str = "0199f2d4-7c1e-7a90-8b35-6f2c1d9e4a70";
const MESSAGE_ID: &str = "0199f2d4-7c1e-7a90-8b35-6f2c1d9e4a71";
const TIMESTAMP: &str = "2026-01-02T03:04:05.678Z";
const MARKDOWN: &str = "Hello **Bob**, here is the \"plan\":\n- *first*, see [the page](https://example.com/a)\n- `then` we talk about all the rest.";

/// The same payload as a struct that serde writes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain<'a> {
    token: &'a str,
    sender: &'a str,
    recipient: &'a str,
    timestamp: &'a str,
    r#type: &'a str,
    content: PlainContent<'a>,
    metadata: Empty,
    #[serde(rename = "payloadID")]
    payload_id: &'a str,
    payload_version: &'a str,
}

#[derive(Serialize)]
struct PlainContent<'a> {
    #[serde(rename = "messageID")]
    message_id: &'a str,
    text: &'a str,
    attachments: Vec<Empty>,
}

#[derive(Serialize)]
struct Empty {}

fn plain(text: &str) -> Plain<'_> {
    Plain {
        token: TOKEN,
        sender: "ada",
        recipient: "bob",
        timestamp: TIMESTAMP,
        r#type: "MSG",
        content: PlainContent { message_id: MESSAGE_ID, text, attachments: Vec::new() },
        metadata: Empty {},
        payload_id: PAYLOAD_ID,
        payload_version: "1.0",
    }
}

fn with_attachments(text: &str, count: usize) -> String {
    let mut attachments = String::new();
    for i in 0..count {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(
            attachments,
            r#"{comma}{{"type":"image","url":"https://files.example.com/2026/01/picture-{i}.png","metadata":{{"filename":"picture-{i}.png","size":204800,"filetype":"image/png"}}}}"#
        );
    }
    text.replace(r#""attachments":[]"#, &format!(r#""attachments":[{attachments}]"#))
}

struct Parts {
    token: Token,
    sender: Username,
    recipient: Username,
    message_id: MessageId,
    payload_id: PayloadId,
    timestamp: Timestamp,
}

/// Builds the message as an application does: with parsed names and IDs, and an owned text.
fn build(parts: &Parts, text: &str) -> Payload {
    let message = Message::builder(parts.message_id.clone()).text(text).build().unwrap();
    let ids = EnvelopeIds { payload_id: parts.payload_id.clone(), timestamp: parts.timestamp };
    let (sender, recipient) = (Sender::User(parts.sender.clone()), Recipient::User(parts.recipient.clone()));
    Payload::new(ids, sender, recipient, Content::Msg(message)).with_token(parts.token.clone())
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, text: &str) {
    let limits = Limits::default();
    group.bench_function(format!("{name}/check"), |b| {
        b.iter(|| PayloadRef::from_client(black_box(text), &limits).unwrap().payload_type());
    });
    group.bench_function(format!("{name}/ignored-any"), |b| {
        b.iter(|| serde_json::from_str::<IgnoredAny>(black_box(text)).unwrap());
    });
    group.bench_function(format!("{name}/value"), |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(text)).unwrap());
    });
    let frame = PayloadRef::from_client(text, &limits).unwrap();
    group.bench_function(format!("{name}/pass-on"), |b| b.iter(|| black_box(&frame).pass_on()));
    group.bench_function(format!("{name}/copy"), |b| b.iter(|| black_box(text).to_owned()));
}

fn main() {
    let message = serde_json::to_string(&plain(MARKDOWN)).unwrap();
    assert_eq!((message.len(), MARKDOWN.len()), (442, 120), "the message that the targets are named after");
    let long = serde_json::to_string(&plain(&MARKDOWN.repeat(137)[..16 * 1024])).unwrap();
    let attached = with_attachments(&message, 10);

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut group = criterion.benchmark_group("frame");
    measure(&mut group, "message", &message);
    measure(&mut group, "16-KiB-text", &long);
    measure(&mut group, "10-attachments", &attached);

    let parts = Parts {
        token: Token::parse(TOKEN).unwrap(),
        sender: Username::parse("ada").unwrap(),
        recipient: Username::parse("bob").unwrap(),
        message_id: MessageId::parse(MESSAGE_ID).unwrap(),
        payload_id: PayloadId::parse(PAYLOAD_ID).unwrap(),
        timestamp: Timestamp::parse(TIMESTAMP).unwrap(),
    };
    group.bench_function("message/build", |b| b.iter(|| build(&parts, black_box(MARKDOWN)).encode()));
    group.bench_function("message/to-string", |b| {
        b.iter(|| serde_json::to_string(&plain(black_box(MARKDOWN))).unwrap());
    });
    group.finish();
    report();
}

/// Returns the median of a measurement in nanoseconds, from criterion's files.
fn median(name: &str) -> Option<f64> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        std::path::PathBuf::from,
    );
    let file = target.join("criterion/frame").join(name.replace('/', "_")).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

fn report() {
    println!("\n| work | measured | to reach | is |\n| --- | --- | --- | --- |");
    let row = |work: &str, ratio: Option<f64>, goal: f64, of: &str| {
        let Some(ratio) = ratio else { return };
        let verdict = if ratio <= goal { "reached" } else { "missed" };
        println!("| {work} | {ratio:.2} × {of} | {goal} | {verdict} |");
    };
    let ratio = |work: &str, anchor: &str| Some(median(work)? / median(anchor)?);
    row("check a 442-byte MSG", ratio("message/check", "message/ignored-any"), 2.0, "IgnoredAny");
    row("check a 442-byte MSG", ratio("message/check", "message/value"), 0.5, "Value");
    row("check 16 KiB of text", ratio("16-KiB-text/check", "16-KiB-text/ignored-any"), 1.5, "IgnoredAny");
    row(
        "check 10 attachments",
        ratio("10-attachments/check", "10-attachments/ignored-any"),
        2.5,
        "IgnoredAny",
    );
    for name in ["message", "16-KiB-text", "10-attachments"] {
        let of = |work: &str| median(&format!("{name}/{work}"));
        let beside_copy = || Some((of("pass-on")? - of("copy")?).max(0.0) / of("ignored-any")?);
        row(&format!("pass on, beside the copy ({name})"), beside_copy(), 0.15, "IgnoredAny");
    }
    row("build and encode a 442-byte MSG", ratio("message/build", "message/to-string"), 1.5, "to_string");
}
