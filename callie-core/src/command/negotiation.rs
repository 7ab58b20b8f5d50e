//! What a client and a server agree on when a connection is authenticated (protocol, "Features").

use serde::{Deserialize, Serialize};

use super::parameter::{CommandFault, Members, Parameter, Value, string_parameters};
use super::values::AckEntry;
use crate::convert::words;
use crate::limits::{MAX_ACKS, MAX_FEATURES};
use crate::name::{ConnectionId, text_type};

words! {
    /// A part of the protocol that is in force on a connection only if both sides name it.
    Feature, "resume or offline" {
        /// A connection that was lost can be resumed without losing a text.
        Resume = "resume",
        /// Messages to a user who is connected nowhere are kept until they are delivered.
        Offline = "offline",
    }
}

text_type!(
    /// The name of a feature, known or not: 1 to 32 characters of `a-z 0-9 -`, the first a letter.
    FeatureName, is_feature_name,
    "1 to 32 characters of a-z, 0-9 and '-', the first of them a letter"
);

text_type!(
    /// The name or the version of a client program, for people: 1 to 64 characters, no control characters.
    ClientLabel, is_client_label,
    "1 to 64 characters, none of them a control character"
);

fn is_feature_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=32).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_client_label(text: &str) -> bool {
    super::values::is_line(text, 1..=64)
}

string_parameters!(FeatureName, ClientLabel, ConnectionId);

impl From<Feature> for FeatureName {
    fn from(feature: Feature) -> Self {
        Self(feature.as_str().into())
    }
}

impl Parameter for Vec<FeatureName> {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        value.elements(0, MAX_FEATURES)
    }
}

/// A set of features.
///
/// ```
/// use callie_core::command::{Feature, FeatureName, Features};
///
/// let server = Features::NONE.with(Feature::Resume);
/// let client = Features::named(&[FeatureName::parse("resume")?, FeatureName::parse("of-a-later-version")?]);
/// assert!(server.and(client).contains(Feature::Resume));
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Features(u8);

impl Features {
    /// No features.
    pub const NONE: Self = Self(0);

    /// Returns the known features among `names`.
    #[must_use]
    pub fn named(names: &[FeatureName]) -> Self {
        let known = names.iter().filter_map(|name| Feature::parse(name.as_str()).ok());
        known.fold(Self::NONE, Self::with)
    }

    /// Adds a feature.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self(self.0 | 1 << feature as u8)
    }

    /// Removes a feature.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Self {
        Self(self.0 & !(1 << feature as u8))
    }

    /// Returns the features in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether the set contains the feature.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u8 != 0
    }

    /// Returns the names of the features.
    #[must_use]
    pub fn names(self) -> Vec<FeatureName> {
        Feature::ALL
            .iter()
            .filter(|feature| self.contains(**feature))
            .map(|feature| (*feature).into())
            .collect()
    }
}

/// The program that a client is, for logs and statistics of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// Its name.
    pub name: ClientLabel,
    /// Its version.
    pub version: ClientLabel,
}

impl Parameter for ClientInfo {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        let mut members = value.members()?;
        let info = Self { name: members.take("name")?, version: members.take("version")? };
        members.finish()?;
        Ok(info)
    }
}

/// The connection to resume, and the number of texts that arrived on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRequest {
    /// The connection, as `AUTHENTICATED` named it.
    #[serde(rename = "connectionID")]
    pub connection_id: ConnectionId,
    /// How many texts arrived after `AUTHENTICATED`.
    pub received: TextCount,
}

impl Parameter for ResumeRequest {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        let mut members = value.members()?;
        let resume =
            Self { connection_id: members.take("connectionID")?, received: members.take("received")? };
        members.finish()?;
        Ok(resume)
    }
}

/// A number of texts that a server wrote on a connection after `AUTHENTICATED`: from 0 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextCount(u64);

impl TextCount {
    /// The largest number, which every JSON parser represents exactly.
    pub const MAX: u64 = (1 << 53) - 1;

    /// Creates a count. Larger numbers become [`MAX`](Self::MAX), which no connection reaches.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self(count.min(Self::MAX))
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl Parameter for TextCount {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        let count = serde_json::from_str(value.raw()).ok().filter(|count| *count <= Self::MAX);
        count.map(Self).ok_or_else(|| value.must_be("a whole number from 0 to 2^53 - 1"))
    }
}

/// The confirmed payloads of an `ACK`: at least one, unless the command has a count of received texts.
pub(super) fn acknowledged(
    members: &mut Members<'_, '_>,
    name: &'static str,
) -> Result<Vec<AckEntry>, CommandFault> {
    if !members.contains("received") {
        return members.take(name);
    }
    #[derive(Serialize)]
    struct AnyNumber(Vec<AckEntry>);
    impl Parameter for AnyNumber {
        fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
            value.elements(0, MAX_ACKS).map(Self)
        }
    }
    Ok(members.take::<Option<AnyNumber>>(name)?.map(|entries| entries.0).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feature_names_have_the_documented_form() {
        for good in ["a", "resume", "a-1", &"a".repeat(32)] {
            assert!(FeatureName::is_valid(good), "{good}");
        }
        for bad in ["", "-a", "1a", "A", "a_b", "é", &"a".repeat(33)] {
            assert!(!FeatureName::is_valid(bad), "{bad}");
        }
        for feature in Feature::ALL {
            assert!(FeatureName::is_valid(feature.as_str()));
        }
    }

    #[test]
    fn unknown_features_are_ignored() {
        let names = ["offline", "x", "offline"].map(|name| FeatureName::parse(name).unwrap());
        assert_eq!(Features::named(&names), Features::NONE.with(Feature::Offline));
        assert_eq!(Features::named(&names).names(), [FeatureName::from(Feature::Offline)]);
    }
}
