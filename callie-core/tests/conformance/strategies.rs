//! Arbitrary values of the protocol, for the property tests.

use callie_core::command::{
    AckEntry, ClientInfo, ClientLabel, Command, Conversation, Cursor, DisplayName, FeatureName, GroupName,
    MessageText, PageLimit, Push, RemovalReason, ResumeRequest, SignalData, SignalKind, TextCount,
};
use callie_core::{
    Attachment, AttachmentKind, CodeName, CommandCall, ConnectionId, Content, EnvelopeIds, GroupId,
    JsonObject, Limits, Message, MessageId, Notice, Payload, PayloadId, PayloadRef, PriorOutcome, Recipient,
    Sender, SessionId, SysCode, Timestamp, Token, Username,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Any text, with many characters that need escapes or more than one byte.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => any::<char>(),
        4 => proptest::char::range(' ', '~'),
        2 => proptest::char::range('\0', '\u{1f}'),
        1 => select(vec!['"', '\\', '/', '\u{7f}', '\u{2028}', '\u{feff}', '\u{ffff}', '😀']),
    ];
    vec(character, 0..40).prop_map(String::from_iter)
}

/// A text of one line, at most `most` characters.
fn line(most: usize) -> impl Strategy<Value = String> {
    let character = any::<char>().prop_map(|c| if c.is_control() { 'x' } else { c });
    vec(character, 1..=most).prop_map(String::from_iter)
}

pub(crate) fn username() -> impl Strategy<Value = Username> {
    "[a-z0-9][a-z0-9._-]{1,31}".prop_map(|name| Username::parse(&name).unwrap())
}

pub(crate) fn payload_id() -> impl Strategy<Value = PayloadId> {
    "[A-Za-z0-9._:-]{1,128}".prop_map(|id| PayloadId::parse(&id).unwrap())
}

fn message_id() -> impl Strategy<Value = MessageId> {
    "[A-Za-z0-9._:-]{1,128}".prop_map(|id| MessageId::parse(&id).unwrap())
}

fn session_id() -> impl Strategy<Value = SessionId> {
    "[A-Za-z0-9._:-]{1,128}".prop_map(|id| SessionId::parse(&id).unwrap())
}

pub(crate) fn group_id() -> impl Strategy<Value = GroupId> {
    "group:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".prop_map(|id| GroupId::parse(&id).unwrap())
}

pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    // The years 0000 to 9999.
    (-62_167_219_200_000_i64..=253_402_300_799_999)
        .prop_map(|millis| Timestamp::from_unix_millis(millis).unwrap())
}

pub(crate) fn envelope_ids() -> impl Strategy<Value = EnvelopeIds> {
    (payload_id(), timestamp()).prop_map(|(payload_id, timestamp)| EnvelopeIds { payload_id, timestamp })
}

/// Tokens like those of Callie's server.
pub(crate) fn token() -> impl Strategy<Value = Token> {
    "[A-Za-z0-9_-]{43}".prop_map(|token| Token::parse(&token).unwrap())
}

fn white_space() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => select(vec![" ", "\n", "\t", "\r", " \r\n\t "])]
}

/// Any JSON value as a text, at most `depth` levels deep, with numbers that no float can represent.
pub(crate) fn json(depth: u32) -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?";
    let leaf = prop_oneof![
        select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        number,
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        select(vec![r#""\u0000\u00e9\ud83d\ude00\/""#, "[]", "{}"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(depth - 1, 24, 6, |inner| {
        let array = (vec(inner.clone(), 0..5), white_space())
            .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(&format!("{space},"))));
        prop_oneof![array, members(text(), inner)]
    })
}

/// An object with distinct keys, as a text.
fn members(
    key: impl Strategy<Value = String>,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (btree_map(key, value, 0..5), white_space()).prop_map(|(members, space)| {
        let write = |(key, value): (&String, &String)| {
            format!("{}{space}:{space}{value}", serde_json::to_string(key).unwrap())
        };
        format!("{{{}}}", members.iter().map(write).collect::<Vec<_>>().join(&format!("{space},{space}")))
    })
}

/// A free-form object without the keys that the protocol defines anywhere.
pub(crate) fn object() -> impl Strategy<Value = JsonObject> {
    members("[a-z \"/~é😀]{0,3}", json(8)).prop_map(|text| JsonObject::parse(&text).unwrap())
}

fn attachment() -> impl Strategy<Value = Attachment> {
    let kind = select(vec![AttachmentKind::Image, AttachmentKind::Video, AttachmentKind::File]);
    let url = "[Hh]ttps?://([a-z0-9.-]{1,20}|\\[::1\\])(:[0-9]{0,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@-]{0,20}){0,3}(\\?[a-z=&]{0,9})?(#[a-z]{0,5})?";
    let more = option::of((
        object(),
        option::of(line(60)),
        option::of(0_u64..1 << 53),
        option::of("[a-z]{1,9}/[a-z0-9.+-]{0,9}[a-z]"),
    ));
    (kind, url, more).prop_filter_map("a URL by RFC 3986 within the limits", |(kind, url, more)| {
        let mut attachment = Attachment::new(kind, url).ok()?;
        let Some((object, filename, size, filetype)) = more else { return Some(attachment) };
        attachment = attachment.with_metadata(object).ok()?;
        if let Some(filename) = filename {
            attachment = attachment.with_filename(&filename).ok()?;
        }
        if let Some(size) = size {
            attachment = attachment.with_size(size).ok()?;
        }
        if let Some(filetype) = filetype {
            attachment = attachment.with_filetype(&filetype).ok()?;
        }
        Some(attachment)
    })
}

fn message() -> impl Strategy<Value = Message> {
    (message_id(), text(), vec(attachment(), 0..4)).prop_filter_map(
        "an empty message",
        |(id, text, attachments)| {
            let builder = Message::builder(id).text(text);
            attachments.into_iter().fold(builder, callie_core::MessageBuilder::attachment).build().ok()
        },
    )
}

fn code_name() -> impl Strategy<Value = CodeName> {
    "[A-Z][A-Z0-9_]{0,63}".prop_map(|name| CodeName::parse(&name).unwrap())
}

/// The content of a SYS payload, which clients read but do not build.
fn system(code: &CodeName, description: &str) -> Content {
    let content = serde_json::json!({ "code": code, "description": description });
    let text = serde_json::json!({
        "token": "", "sender": "SERVER", "recipient": "BROADCAST", "timestamp": "2026-01-02T03:04:05.678Z",
        "type": "SYS", "content": content, "payloadID": "s", "payloadVersion": "1.0",
    });
    PayloadRef::from_server(&text.to_string()).unwrap().to_payload().unwrap().content().clone()
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        1 => Just(Content::Ping),
        1 => Just(Content::Pong),
        5 => message().prop_map(Content::Msg),
        1 => (code_name(), text()).prop_map(|(code, text)| system(&code, &text)),
        1 => (code_name(), object()).prop_map(|(name, parameters)| Content::Cmd(CommandCall::new(name, parameters))),
    ]
}

pub(crate) fn recipient() -> impl Strategy<Value = Recipient> {
    prop_oneof![
        1 => Just(Recipient::Server),
        1 => Just(Recipient::Broadcast),
        1 => group_id().prop_map(Recipient::Group),
        3 => username().prop_map(Recipient::User),
    ]
}

/// A payload of a client.
pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    (
        envelope_ids(),
        token(),
        username(),
        recipient(),
        content(),
        option::of(object()),
        any::<bool>(),
        option::of(payload_id()),
    )
        .prop_filter_map(
            "metadata over the limit",
            |(ids, token, sender, recipient, content, object, ack, reply)| {
                let mut payload =
                    Payload::new(ids, Sender::User(sender), recipient, content).with_token(token);
                if let Some(object) = object {
                    payload = payload.with_metadata(object).ok()?;
                }
                if ack {
                    // Only some payloads can be confirmed. The others are unchanged.
                    payload = payload.clone().with_ack().unwrap_or(payload);
                }
                match reply {
                    Some(reply) => payload.with_in_reply_to(&reply).ok(),
                    None => Some(payload),
                }
            },
        )
}

fn conversation() -> impl Strategy<Value = Conversation> {
    prop_oneof![username().prop_map(Conversation::User), group_id().prop_map(Conversation::Group)]
}

fn message_text() -> impl Strategy<Value = MessageText> {
    text().prop_filter_map("an empty text", |text| MessageText::new(text, &Limits::default()).ok())
}

fn group_name() -> impl Strategy<Value = GroupName> {
    line(64).prop_map(|name| GroupName::parse(&name).unwrap())
}

fn signal_kind() -> impl Strategy<Value = SignalKind> {
    "[a-z_]{1,32}".prop_map(|kind| SignalKind::parse(&kind).unwrap())
}

fn signal_data() -> impl Strategy<Value = Option<SignalData>> {
    option::of(json(8).prop_filter_map("data over the limit", |json| SignalData::parse(&json).ok()))
}

fn page() -> impl Strategy<Value = (PageLimit, Option<Cursor>)> {
    let after = option::of(line(128).prop_map(|cursor| Cursor::parse(&cursor).unwrap()));
    ((1_u16..=200).prop_map(|limit| PageLimit::new(limit).unwrap()), after)
}

fn reason() -> impl Strategy<Value = RemovalReason> {
    line(256).prop_map(|reason| RemovalReason::parse(&reason).unwrap())
}

macro_rules! words {
    ($($name:ident: $type:ty = [$($word:literal),*];)*) => {
        $(fn $name() -> impl Strategy<Value = $type> {
            select(vec![$($word),*]).prop_map(|word| <$type>::parse(word).unwrap())
        })*
    };
}

words! {
    visibility: callie_core::command::Visibility = ["private", "public"];
    role: callie_core::command::Role = ["owner", "admin", "member"];
    presence: callie_core::command::PresenceAudience = ["everyone", "groups", "nobody"];
    direct_messages: callie_core::command::DirectMessages = ["everyone", "groups"];
}

fn text_count() -> impl Strategy<Value = TextCount> {
    any::<u64>().prop_map(TextCount::new)
}

/// A strategy for each command; the test checks that none is missing.
pub(crate) fn commands() -> Vec<BoxedStrategy<Command>> {
    let users = || vec(username(), 1..5);
    let label = || "[!-~]{1,64}".prop_map(|text| ClientLabel::parse(&text).unwrap());
    let client = (label(), label()).prop_map(|(name, version)| ClientInfo { name, version });
    let feature = "[a-z][a-z0-9-]{0,31}".prop_map(|name| FeatureName::parse(&name).unwrap());
    let resume = ("[A-Za-z0-9._:-]{1,128}", text_count()).prop_map(|(id, received)| ResumeRequest {
        connection_id: ConnectionId::parse(&id).unwrap(),
        received,
    });
    let ack = (username(), payload_id()).prop_map(|(sender, payload_id)| AckEntry { sender, payload_id });
    vec![
        (option::of(client), option::of(vec(feature, 0..4)), option::of(resume))
            .prop_map(|(client, features, resume)| Command::Authenticate { client, features, resume })
            .boxed(),
        (vec(ack, 1..5), option::of(text_count()))
            .prop_map(|(payloads, received)| Command::Ack { payloads, received })
            .boxed(),
        (group_name(), vec(username(), 0..4), visibility())
            .prop_map(|(name, members, visibility)| Command::CreateGroup { name, members, visibility })
            .boxed(),
        group_id().prop_map(|group_id| Command::JoinGroup { group_id }).boxed(),
        group_id().prop_map(|group_id| Command::LeaveGroup { group_id }).boxed(),
        (group_id(), username())
            .prop_map(|(group_id, username)| Command::AddMember { group_id, username })
            .boxed(),
        (group_id(), username())
            .prop_map(|(group_id, username)| Command::RemoveMember { group_id, username })
            .boxed(),
        (group_id(), username(), role())
            .prop_map(|(group_id, username, role)| Command::SetRole { group_id, username, role })
            .boxed(),
        (group_id(), group_name())
            .prop_map(|(group_id, name)| Command::RenameGroup { group_id, name })
            .boxed(),
        group_id().prop_map(|group_id| Command::DeleteGroup { group_id }).boxed(),
        page().prop_map(|(limit, after)| Command::ListGroups { limit, after }).boxed(),
        page().prop_map(|(limit, after)| Command::ListPublicGroups { limit, after }).boxed(),
        (group_id(), page())
            .prop_map(|(group_id, (limit, after))| Command::GetGroup { group_id, limit, after })
            .boxed(),
        (conversation(), message_id(), option::of(username()))
            .prop_map(|(recipient, message_id, sender)| Command::DeleteMessage {
                recipient,
                message_id,
                sender,
            })
            .boxed(),
        (conversation(), message_id(), message_text())
            .prop_map(|(recipient, message_id, text)| Command::EditMessage { recipient, message_id, text })
            .boxed(),
        (conversation(), signal_kind(), signal_data())
            .prop_map(|(recipient, kind, data)| Command::Signal { recipient, kind, data })
            .boxed(),
        users().prop_map(|usernames| Command::GetPresence { usernames }).boxed(),
        users().prop_map(|usernames| Command::SubscribePresence { usernames }).boxed(),
        users().prop_map(|usernames| Command::UnsubscribePresence { usernames }).boxed(),
        username().prop_map(|username| Command::GetProfile { username }).boxed(),
        Just(Command::GetSettings {}).boxed(),
        (option::of(line(64)), option::of(presence()), option::of(direct_messages()))
            .prop_map(|(name, presence, direct_messages)| Command::UpdateSettings {
                display_name: name.map(|name| DisplayName::parse(&name).unwrap()),
                presence,
                direct_messages,
            })
            .boxed(),
        username().prop_map(|username| Command::BlockUser { username }).boxed(),
        username().prop_map(|username| Command::UnblockUser { username }).boxed(),
        page().prop_map(|(limit, after)| Command::ListBlocked { limit, after }).boxed(),
        Just(Command::ListSessions {}).boxed(),
        session_id().prop_map(|session_id| Command::RevokeSession { session_id }).boxed(),
        (username(), option::of(reason()))
            .prop_map(|(username, reason)| Command::KickUser { username, reason })
            .boxed(),
        (username(), option::of(reason()), option::of(timestamp()))
            .prop_map(|(username, reason, until)| Command::BanUser { username, reason, until })
            .boxed(),
        username().prop_map(|username| Command::UnbanUser { username }).boxed(),
        message_text().prop_map(|text| Command::Announce { text }).boxed(),
        Just(Command::ServerStats {}).boxed(),
    ]
}

/// A strategy for each push.
pub(crate) fn pushes() -> Vec<BoxedStrategy<Push>> {
    vec![
        (message_id(), username(), conversation(), username())
            .prop_map(|(message_id, sender, recipient, deleted_by)| Push::DeleteMessage {
                message_id,
                sender,
                recipient,
                deleted_by,
            })
            .boxed(),
        (message_id(), username(), conversation(), message_text())
            .prop_map(|(message_id, sender, recipient, text)| Push::EditMessage {
                message_id,
                sender,
                recipient,
                text,
            })
            .boxed(),
        (username(), conversation(), signal_kind(), signal_data())
            .prop_map(|(from, recipient, kind, data)| Push::Signal { from, recipient, kind, data })
            .boxed(),
    ]
}

/// Any code with any metadata, whether or not they belong together.
pub(crate) fn notice() -> impl Strategy<Value = Notice> {
    let outcome = select(PriorOutcome::ALL.to_vec());
    let names = (
        payload_id(),
        option::of(code_name()),
        option::of(text()),
        option::of(message_id()),
        option::of(username()),
        option::of(group_id()),
        option::of(session_id()),
    );
    let figures = (
        option::of(timestamp()),
        option::of(any::<u32>()),
        option::of(any::<u64>()),
        option::of(any::<u64>()),
        option::of(vec(username(), 0..4)),
        option::of(outcome),
        option::of(reason()),
    );
    (select(SysCode::ALL), text(), names, figures, option::of(object())).prop_map(
        |(code, description, names, figures, result)| {
            let mut notice = Notice::builder(code).describe(description);
            macro_rules! set {
                ($from:expr => $($at:tt $setter:ident),*) => {
                    $(if let Some(value) = $from.$at.clone() { notice = notice.$setter(value); })*
                };
            }
            set!(names => 1 command, 2 path, 3 message_id, 4 username, 5 group_id, 6 session_id);
            set!(figures => 0 expires_at, 0 until, 1 heartbeat_seconds, 1 resume_seconds, 2 retry_after_ms, 2 delivered, 3 unconfirmed, 3 stored);
            set!(figures => 3 offline_count, 4 offline, 5 outcome, 6 reason);
            if let Some(result) = result {
                notice = notice.limits(Limits::default()).result(&result);
            }
            notice.in_reply_to(names.0)
        },
    )
}
