//! The conformance vectors, checked with the calls that programs in other languages use.

use callie_client::{check_payload, check_server_payload};
use serde_json::Value;

use crate::bed::{TestEnv, within};

/// The text of a vector: a literal, or repeated parts.
fn payload(vector: &Value) -> String {
    if let Some(text) = vector["payload"].as_str() {
        return text.to_owned();
    }
    let parts = vector["parts"].as_array().unwrap().iter();
    parts.map(|part| part[0].as_str().unwrap().repeat(part[1].as_u64().unwrap() as usize)).collect()
}

#[tokio::test]
async fn every_vector_is_checked() {
    within(async {
        let folder = TestEnv::new().await.ask("vectors").await;
        let mut checked = 0;
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let document: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
            for vector in document["vectors"].as_array().unwrap() {
                let text = payload(vector);
                let fault = match vector["from"].as_str() {
                    Some("client") => check_payload(&text),
                    _ => check_server_payload(&text),
                };
                let found = fault.map(|fault| (fault.code().to_string(), fault.path()));
                let word = |name: &str| vector["fault"][name].as_str().map(str::to_owned);
                let mut expected = word("code").zip(word("path"));
                // Only the connection's server knows which parts of a path the connection's token hides.
                if let (Some((_, path)), Some((_, seen)), Some(_)) =
                    (&mut expected, &found, vector.get("connectionToken"))
                {
                    path.clone_from(seen);
                }
                assert_eq!(found, expected, "{}: {}", file.display(), vector["name"]);
                checked += 1;
            }
        }
        assert!(checked >= 300, "only {checked}");
    })
    .await;
}
