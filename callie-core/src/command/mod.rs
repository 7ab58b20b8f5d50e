//! Every command of the protocol: its parameters, its result and who may use it (protocol, "Commands").
//!
//! - `table`: the commands
//! - `parameter`: how parameters are read, with the place of a fault
//! - `values`: the types of the parameters
//! - `result`: what the server answers in `COMMAND_OK`
//! - `push`: the commands that the server sends to clients

mod parameter;
mod push;
mod result;
mod table;
mod values;

pub use parameter::CommandFault;
pub use push::Push;
pub use result::{
    BlockedList, Empty, GroupCreated, GroupDetails, GroupList, GroupSummary, Member, PresenceMap, Profile,
    ServerStats, Settings,
};
pub use table::{Command, Permission};
pub use values::{
    AckEntry, Conversation, Cursor, DirectMessages, DisplayName, GroupName, MessageText, PageLimit, Presence,
    PresenceAudience, RemovalReason, Role, SignalData, SignalKind, Visibility,
};
