//! The conformance vectors as this crate reads them; `tests/vectors/README.md` defines the format.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    vectors: Vec<Vector>,
}

/// One payload and its expected result.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) from: From,
    payload: Option<Text>,
    parts: Option<Text>,
    pub(crate) connection_token: Option<String>,
    pub(crate) valid: Option<Valid>,
    pass_on: Option<Text>,
    pass_on_parts: Option<Text>,
    pub(crate) fault: Option<Verdict>,
    pub(crate) command: Option<TypedCommand>,
    pub(crate) command_fault: Option<Verdict>,
    pub(crate) schema_blind: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum From {
    Client,
    Server,
}

/// A text: a literal, or repeated parts.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Literal(String),
    Parts(Vec<(String, usize)>),
}

impl Text {
    pub(crate) fn join(&self) -> String {
        match self {
            Self::Literal(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(|(text, times)| text.repeat(*times)).collect(),
        }
    }
}

/// The decoded form of a valid payload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Valid {
    #[serde(rename = "type")]
    pub(crate) payload_type: String,
    pub(crate) token: String,
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) timestamp: String,
    #[serde(rename = "payloadID")]
    pub(crate) payload_id: String,
    pub(crate) content: Value,
    pub(crate) metadata: Text,
    pub(crate) ack: bool,
    pub(crate) in_reply_to: Option<String>,
}

/// Why a payload or its command is refused.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Verdict {
    pub(crate) code: String,
    pub(crate) path: String,
    pub(crate) in_reply_to: Option<String>,
}

/// A command as it is read, with its defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypedCommand {
    pub(crate) name: String,
    pub(crate) parameters: Value,
}

impl Vector {
    pub(crate) fn payload(&self) -> String {
        self.payload.as_ref().or(self.parts.as_ref()).expect("a payload or its parts").join()
    }

    pub(crate) fn pass_on(&self) -> Option<String> {
        self.pass_on.as_ref().or(self.pass_on_parts.as_ref()).map(Text::join)
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// All vectors of all files, each with the name of its file.
pub(crate) fn all() -> Vec<(String, Vector)> {
    let mut paths: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file: File = serde_json::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!file.about.is_empty());
        all.extend(file.vectors.into_iter().map(|vector| (name.clone(), vector)));
    }
    all
}

/// Assembles the long texts of a decoded form.
pub(crate) fn join_parts(value: &Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(is_part) => {
            Value::String(serde_json::from_value::<Text>(value.clone()).unwrap().join())
        }
        other => other.clone(),
    }
}

fn is_part(value: &Value) -> bool {
    matches!(value.as_array().map(Vec::as_slice), Some([Value::String(_), Value::Number(_)]))
}
