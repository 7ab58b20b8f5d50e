//! JSON as a received payload needs it: checked in one pass, never copied, with the place of every value kept.
//!
//! - [`scan`](self::scan): the one pass, with depth, surrogates and repeated keys
//! - [`slot`](self::slot): where a value stands, and what it is
//! - [`fields`](self::fields): the members of an object that the protocol names
//! - [`pointer`](self::pointer): JSON Pointers to where a fault is
//! - [`text`](self::text): a string where it stands, decoded on request
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
