//! The configuration as a documented TOML file.

use super::keys::{Config, KEYS};

/// Returns a TOML file with every key, its documentation and its default.
#[must_use]
pub fn documented() -> String {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut out = String::from(
        "# Every key of callie-server with its default. Each can also be set as an environment variable\n\
         # (CALLIE_ and the key in capitals). \"Live\": read again on SIGHUP, without a restart.\n",
    );
    for key in KEYS {
        out.push('\n');
        for line in key.doc {
            out.push_str(&format!("#{line}\n"));
        }
        if key.live {
            out.push_str("# Live.\n");
        }
        // Texts, numbers, booleans and lists are written alike in JSON and in TOML. TOML has no null.
        match defaults.get(key.name) {
            Some(value) if !value.is_null() => out.push_str(&format!("{} = {value}\n", key.name)),
            _ => out.push_str(&format!("# {} = {}\n", key.name, key.example.unwrap_or("\"\""))),
        }
    }
    out
}
