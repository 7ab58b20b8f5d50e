//! Every command of the protocol: its parameters, its result and who may use it (protocol, "Commands").
//!
//! - `table`: the commands, one row each
//! - `known`: all of them as one enum
//! - `check`: the lengths of their lists and texts
//! - `spec`: the table as data
//! - [`request`]: a type for each, which names the type of its result
//! - `parameter`: how parameters are read, with the place of a fault
//! - `negotiation`: what client and server agree on when a connection is authenticated
//! - `values`: the types of the parameters
//! - `result`: what the server answers in `COMMAND_OK`
//! - `push`: the commands that the server sends to clients

mod check;
mod known;
mod negotiation;
mod parameter;
mod push;
pub mod request;
mod result;
mod spec;
mod table;
mod values;

pub use known::{Command, Permission};
pub use negotiation::{ClientInfo, ClientLabel, Feature, FeatureName, Features, ResumeRequest, TextCount};
pub use parameter::CommandFault;
pub use push::Push;
pub(crate) use push::SIGNAL;
pub use request::{CommandRequest, PagedRequest};
pub use result::{
    BlockedPage, Empty, Group, GroupDetails, GroupPage, GroupSummary, Member, PresenceMap, Profile,
    ServerStats, Settings,
};
pub use spec::{CommandSpec, ParameterSpec, ParameterType, ResultType};
pub use values::{
    AckEntry, Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit, Presence,
    PresenceAudience, RemovalReason, Role, SignalData, SignalKind, Visibility,
};
