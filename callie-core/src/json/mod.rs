//! JSON for received payloads: checked in one pass, without a copy, with the position of every value.
//!
//! - [`scan`](self::scan): the one pass, with depth, surrogates and repeated keys
//! - [`slot`](self::slot): the position and the kind of a value
//! - [`fields`](self::fields): the members of an object that the protocol defines
//! - [`pointer`](self::pointer): JSON Pointers to faults
//! - [`text`](self::text): a string in the text, decoded on request
//! - [`object`](self::object): a free-form object, kept as it was written

mod fields;
mod object;
mod pointer;
mod scan;
mod slot;
mod text;

pub(crate) use fields::{Fields, Names, names};
pub use object::{JsonObject, JsonObjectError};
pub(crate) use pointer::Pointer;
pub(crate) use scan::Scanner;
pub(crate) use slot::{Key, Kind, Slot, Syntax};
pub use text::JsonText;
