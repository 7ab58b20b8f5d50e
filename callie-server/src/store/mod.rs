//! What outlives the process: users, sessions, groups, blocks, settings and kept messages, in one set of SQL for
//! every database.
//!
//! `handles.rs` holds one type for each kind of data: `accounts.rs`, `account_data.rs`, `deletion.rs`,
//! `invitations.rs`, `admins.rs`, `sessions.rs` (with `touch.rs`), `settings.rs`, `blocks.rs`, `relations.rs`,
//! `groups.rs`, `members.rs` and `group_pages.rs` (with `group_rows.rs`), `kept.rs` (with `kept_model.rs`,
//! `kept_rows.rs`, `kept_locks.rs`), `events.rs` (with `event_log.rs`) and `health.rs` (with `file.rs`). All of them
//! share a `database.rs`. `model.rs` has the values, `column.rs` and `sql.rs` read and write them.
//!
//! `backup.rs` and `copy.rs` (with `schema.rs`) copy databases. `claim.rs` keeps a second server off the database.
//! `open.rs` connects and migrates, with `sqlite.rs`, `postgres.rs` and `migrations.rs`. `connections.rs` limits how
//! long an answer may take, `locks.rs` describes how several servers decide on one database. A change of more than
//! one row is one transaction. SQL is limited to what SQLite and PostgreSQL share: `$1` placeholders, TEXT and
//! BIGINT, numbers for flags.

mod account_data;
mod accounts;
mod admins;
mod backup;
mod blocks;
mod claim;
mod column;
mod connections;
mod copy;
mod database;
mod deletion;
mod error;
mod event_log;
mod events;
mod file;
mod group_pages;
mod group_rows;
mod groups;
mod handles;
mod health;
mod invitations;
mod kept;
mod kept_locks;
mod kept_model;
mod kept_rows;
mod locks;
mod members;
mod migrations;
mod model;
mod open;
mod postgres;
mod relations;
mod schema;
mod secret;
mod sessions;
mod settings;
mod sql;
mod sqlite;
mod touch;

pub use account_data::{AccountReader, AccountSummary};
pub use accounts::Accounts;
pub use admins::Admins;
pub use backup::{BackupError, back_up, restore};
pub use blocks::Blocks;
pub use claim::Claim;
pub use copy::{Copied, CopyError, copy};
pub use deletion::{Deletion, Deletions};
pub use error::{GroupError, OpenError, StoreError};
pub use events::{AdminAct, Events, SessionEvent};
pub use group_pages::GroupPages;
pub use groups::Groups;
pub use handles::Store;
pub use health::{Health, NotWritable};
pub use invitations::{Invitations, Invited};
pub use kept::KeptMessages;
pub use kept_model::{Backlog, Edit, InboxBounds, KeptMessage, KeptPlace, NewMessage, WriteError, Written};
pub use members::Members;
pub use model::{
    Ban, DirectAccess, Group, GroupLimits, GroupMember, MemberPage, Removal, Session, TokenHash, User,
};
pub use open::check_name;
pub use relations::{Relations, UserRelations};
pub use sessions::Sessions;
pub use settings::{SettingsUpdate, UserSettings};
