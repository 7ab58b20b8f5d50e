//! The argument of a call: a JSON array of texts, in an order that each call documents. One type for all calls is a third
//! of the size of a struct for each.

use std::time::Duration;

use callie_core::JsonObject;

use crate::error::Error;

/// The texts of an argument, which are consumed in order; `null` is a value that was not given.
pub(crate) struct Fields(std::vec::IntoIter<Option<String>>);

impl Fields {
    /// Reads an argument. It is well formed, because the package has written it.
    pub(crate) fn read(json: &str) -> Result<Self, Error> {
        let fields: Vec<Option<String>> = serde_json::from_str(json)
            .map_err(|_| Error::internal("an argument of the module is malformed"))?;
        Ok(Self(fields.into_iter()))
    }

    /// Whether there is a further field.
    pub(crate) fn has_more(&self) -> bool {
        self.0.len() > 0
    }

    /// The next field; `None` if it was not given.
    pub(crate) fn optional(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    /// The next field, empty if it was not given.
    pub(crate) fn text(&mut self) -> String {
        self.optional().unwrap_or_default()
    }

    /// The next field, which is `true` or `false`.
    pub(crate) fn flag(&mut self) -> bool {
        self.text() == "true"
    }

    /// The next field, a whole number.
    pub(crate) fn whole(&mut self) -> Option<u64> {
        self.optional()?.parse().ok()
    }

    /// The next field, a whole number of milliseconds; anything else, such as `Infinity`, is the longest time. Parsing
    /// floating-point numbers would add tables of 10 KB to the module, and writing them as many again.
    pub(crate) fn duration(&mut self) -> Option<Duration> {
        Some(self.optional()?.parse().map_or(Duration::MAX, Duration::from_millis))
    }

    /// The next field, the text of a JSON object; `None` if it was not given. `name` is that of the application's argument.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<JsonObject>, Error> {
        let json = self.optional();
        json.map(|json| JsonObject::parse(&json).map_err(|e| Error::argument(name, e))).transpose()
    }
}
