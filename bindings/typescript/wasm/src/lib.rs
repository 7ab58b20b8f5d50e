//! The client's side of the Callie protocol as a WebAssembly module: `callie_core::session` with texts at its boundary.
//!
//! One instance of the module is one client. The driver is `bindings/typescript/src`.
//!
//! Values cross as UTF-8 texts: the driver writes an argument to [`input`](exports), calls a function with the number of
//! bytes, and reads as many bytes as it returns from [`output`](exports). An answer is a JSON object with the member `ok`
//! or `error`. A panic traps; the instance must not be called again after that.
//!
//! - `exports`: the functions of the module, its imports and its buffers; the only `unsafe` code
//! - `engine`: the session, and what its outputs mean for the driver and the application
//! - `fields`: the arguments of calls
//! - `requests`: what the application asks for
//! - `events`: what the application receives, written as JSON
//! - `error`: the errors of all calls

mod engine;
mod error;
mod events;
pub mod exports;
mod fields;
mod requests;
