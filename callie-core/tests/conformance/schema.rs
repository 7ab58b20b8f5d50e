//! The JSON Schemas of `schema/`, compared with the vectors by an independent validator.

use std::path::Path;

use callie_core::command::{Command, Push};
use callie_core::{Limits, SysCode};
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::vector::{self, From, Vector};

/// The documents of `schema/`.
pub(crate) struct Schemas {
    pub(crate) payload: Value,
    pub(crate) vocabulary: Value,
    registry: Registry<'static>,
}

pub(crate) fn document(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Schemas {
    pub(crate) fn read() -> Self {
        let (payload, vocabulary) = (document("payload.schema.json"), document("vocabulary.schema.json"));
        let mut registry = Registry::new();
        for schema in [&payload, &vocabulary] {
            registry = registry.add(schema["$id"].as_str().unwrap(), schema.clone()).unwrap();
        }
        Self { payload, vocabulary, registry: registry.prepare().unwrap() }
    }

    /// The validator of one definition.
    fn of(&self, schema: &Value, name: &str) -> Validator {
        assert!(schema["$defs"].get(name).is_some(), "{name}");
        let reference = json!({ "$ref": format!("{}#/$defs/{name}", schema["$id"].as_str().unwrap()) });
        jsonschema::options().with_registry(&self.registry).build(&reference).unwrap()
    }

    pub(crate) fn payload(&self, from: From) -> Validator {
        self.of(&self.payload, if from == From::Client { "fromClient" } else { "fromServer" })
    }

    /// A definition of the vocabulary, such as `command` `ACK`.
    pub(crate) fn word(&self, kind: &str, name: &str) -> Validator {
        self.of(&self.vocabulary, &format!("{kind}.{name}"))
    }

    /// The names of all definitions of one kind.
    pub(crate) fn words(&self, kind: &str) -> Vec<String> {
        let prefix = format!("{kind}.");
        let names = self.vocabulary["$defs"].as_object().unwrap().keys();
        names.filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    pub(crate) fn definition(&self, kind: &str, name: &str) -> &Value {
        &self.vocabulary["$defs"][format!("{kind}.{name}")]
    }
}

#[test]
fn every_schema_is_valid() {
    let schemas = Schemas::read();
    for schema in [&schemas.payload, &schemas.vocabulary] {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::meta::validate(schema).unwrap();
    }
    for kind in ["member", "command", "result", "push", "notice"] {
        for name in schemas.words(kind) {
            schemas.word(kind, &name);
        }
    }
}

/// Codes of faults that no schema can express. A schema may refuse some of these texts for other reasons.
const BENEATH: [&str; 3] = ["INVALID_JSON", "DUPLICATE_FIELD", "PAYLOAD_TOO_LARGE"];

/// Vectors whose fault no schema can express are left out.
#[test]
fn schemas_agree_with_every_vector() {
    let schemas = Schemas::read();
    let (client, server) = (schemas.payload(From::Client), schemas.payload(From::Server));
    let mut wrong = Vec::new();
    for (file, vector) in vector::all() {
        let of_payload = if vector.from == From::Client { &client } else { &server };
        if let Err(why) = check_vector(&schemas, of_payload, &vector) {
            wrong.push(format!("{file}: {}: {why}", vector.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn check_vector(schemas: &Schemas, of_payload: &Validator, vector: &Vector) -> Result<(), String> {
    let blind = vector.schema_blind.is_some();
    let Ok(value) = serde_json::from_str::<Value>(&vector.payload()) else {
        return if blind { Ok(()) } else { Err("not to be read, so the schema is blind".into()) };
    };
    if let Some(fault) = &vector.fault {
        return match (of_payload.is_valid(&value), blind) {
            (true, false) => Err("the schema takes it".into()),
            (false, true) if !BENEATH.contains(&fault.code.as_str()) => Err("the schema is not blind".into()),
            _ => Ok(()),
        };
    }
    if let Err(e) = of_payload.validate(&value) {
        return Err(format!("the schema refuses it at {}: {e}", e.instance_path()));
    }
    let known = match vector.from {
        From::Client => Command::NAMES,
        From::Server => &Push::NAMES[..],
    };
    let content = &value["content"];
    let Some(name) = content["command"].as_str().filter(|name| known.contains(name)) else { return Ok(()) };
    let kind = if vector.from == From::Client { "command" } else { "push" };
    let taken = schemas.word(kind, name).is_valid(&content["parameters"]);
    match (&vector.command, &vector.command_fault) {
        (Some(_), _) if !taken => Err("the schema refuses the parameters".into()),
        (_, Some(_)) if taken && !blind => Err("the schema takes the parameters".into()),
        (_, Some(_)) if !taken && blind => Err("the schema is not blind for the parameters".into()),
        _ => Ok(()),
    }
}

#[test]
fn limits_in_schemas_match_the_crate() {
    let schemas = Schemas::read();
    let limits = Limits::default();
    let at = |document: &Value, pointer: &str| document.pointer(pointer).cloned().unwrap_or_default();
    let message = "/$defs/fromClient/allOf/0/then/properties/content/properties";
    let metadata = "/$defs/attachment/properties/metadata/properties";
    for (pointer, limit) in [
        ("/$defs/username/maxLength".to_owned(), callie_core::MAX_USERNAME_BYTES),
        ("/$defs/id/maxLength".to_owned(), callie_core::MAX_ID_BYTES),
        ("/$defs/attachment/properties/url/maxLength".to_owned(), callie_core::MAX_URL_BYTES),
        (format!("{metadata}/filename/maxLength"), callie_core::MAX_FILENAME_BYTES),
        (format!("{metadata}/size/maximum"), usize::try_from(callie_core::MAX_ATTACHMENT_SIZE).unwrap()),
        (format!("{message}/text/maxLength"), limits.max_text_bytes),
        (format!("{message}/attachments/maxItems"), limits.max_attachments),
    ] {
        assert_eq!(at(&schemas.payload, &pointer), json!(limit), "{pointer}");
    }
    for (pointer, limit) in [
        ("/$defs/member.path/maxLength", callie_core::MAX_PATH_BYTES),
        ("/$defs/member.offline/maxItems", callie_core::MAX_OFFLINE_NAMES),
        ("/$defs/command.ACK/properties/payloads/maxItems", callie_core::MAX_ACKS),
        ("/$defs/command.GET_PRESENCE/properties/usernames/maxItems", callie_core::MAX_PRESENCE_NAMES),
        ("/$defs/command.CREATE_GROUP/properties/members/maxItems", limits.max_group_members),
        ("/$defs/command.EDIT_MESSAGE/properties/text/maxLength", limits.max_text_bytes),
        ("/$defs/command.LIST_GROUPS/properties/limit/maximum", usize::from(callie_core::MAX_PAGE)),
        ("/$defs/command.LIST_GROUPS/properties/limit/default", usize::from(callie_core::DEFAULT_PAGE)),
    ] {
        assert_eq!(at(&schemas.vocabulary, pointer), json!(limit), "{pointer}");
    }
}

/// The members of an object's schema, with a `?` for optional ones.
fn members_of(schema: &Value) -> Vec<String> {
    let required: Vec<_> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let names = schema["properties"].as_object().unwrap().keys();
    names.map(|name| format!("{name}{}", if required.contains(&name.as_str()) { "" } else { "?" })).collect()
}

fn sorted<T: AsRef<str>>(names: &[T]) -> Vec<&str> {
    let mut names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    names.sort_unstable();
    names
}

#[test]
fn vocabulary_has_every_code_with_metadata() {
    let schemas = Schemas::read();
    let codes: Vec<_> = SysCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(sorted(&schemas.words("notice")), sorted(&codes));
    for code in SysCode::ALL {
        let members = members_of(schemas.definition("notice", code.as_str()));
        assert_eq!(sorted(&members), sorted(code.metadata()), "{code}");
    }
}

#[test]
fn vocabulary_has_every_command_and_push() {
    let schemas = Schemas::read();
    assert_eq!(sorted(&schemas.words("command")), sorted(Command::NAMES));
    for name in Command::NAMES {
        let members = schemas.definition("command", name)["properties"].as_object().unwrap();
        let members: Vec<_> = members.keys().collect();
        assert_eq!(sorted(&members), sorted(Command::parameters_of(name).unwrap()), "{name}");
    }
    assert_eq!(sorted(&schemas.words("push")), sorted(&Push::NAMES));
}

#[test]
fn vocabulary_states_who_may_use_a_command() {
    let schemas = Schemas::read();
    for (_, vector) in vector::all().iter().filter(|(_, vector)| vector.from == From::Client) {
        let Some(typed) = &vector.command else { continue };
        let valid = vector.valid.as_ref().unwrap();
        let parameters = vector::join_parts(&valid.content["parameters"]);
        let command = Command::read(&typed.name, parameters.as_str().unwrap(), &Limits::default()).unwrap();
        let permission = format!("{:?}", command.permission());
        let stated = schemas.definition("command", &typed.name)["x-permission"].as_str().unwrap().to_owned();
        assert!(permission.eq_ignore_ascii_case(&stated), "{}: {permission}", typed.name);
    }
}
