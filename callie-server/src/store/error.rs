//! The errors of the store.

use callie_core::{SysCode, Username};

/// The database could not answer. The operation had no effect, unless PostgreSQL was lost just as it committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is locked, full, gone or damaged.
    #[error("the database failed: {}", one_line(.0))]
    Database(#[from] sqlx::Error),
    /// A row has a value that this version cannot read.
    #[error("the database holds a {0} that cannot be read")]
    Unreadable(&'static str),
    /// The operating system returned no random bytes.
    #[error("the system provides no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Why a database could not be opened. Each error is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL has a scheme that is not supported.
    #[error("cannot open the database {url}: it must be a file, a sqlite:// URL or a postgres:// URL")]
    Scheme {
        /// The URL up to its scheme: the rest may contain a password.
        url: String,
    },
    /// The URL cannot be used.
    #[error("cannot open the database {url}: {reason}")]
    Url {
        /// The URL without password and parameters.
        url: String,
        /// Why.
        reason: String,
    },
    /// The file is not a database.
    #[error("cannot open the database {path}: the file is not a SQLite database")]
    NotADatabase {
        /// The path as given.
        path: String,
    },
    /// The file does not exist.
    #[error("there is no database {path}; a server creates it at its first start")]
    Missing {
        /// The path as given.
        path: String,
    },
    /// The path is invalid, or its file cannot be created.
    #[error("cannot open the database {path}: {source}")]
    Path {
        /// The path as given.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be opened.
    #[error("cannot open the database {path}: {reason}")]
    Connect {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another server uses it.
    #[error("cannot use the database {path}: {reason}")]
    InUse {
        /// The path.
        path: String,
        /// The kind of that server, and what to do.
        reason: &'static str,
    },
    /// A newer server has migrated it.
    #[error(
        "cannot open the database {path}: a newer server has migrated it (to version {version}); start that server, or restore an older backup"
    )]
    Newer {
        /// The path.
        path: String,
        /// The version of its tables, which this server does not know.
        version: i64,
    },
    /// It belongs to another program, or a migration failed.
    #[error("cannot bring the database {path} up to date: {reason}")]
    Migrate {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
}

impl OpenError {
    /// Returns `true` if the same database fails in the same way until an operator changes something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Scheme { .. } | Self::Url { .. } | Self::NotADatabase { .. } | Self::Newer { .. }
        )
    }
}

/// Why an operation on a group failed. It had no effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// There is no such group, or it is private and the actor is not a member.
    #[error("there is no such group")]
    NotFound,
    /// The group is public, and the actor is not a member.
    #[error("you are not a member of this group")]
    NotAMember,
    /// The actor's role does not allow it.
    #[error("your role in this group does not allow this")]
    Forbidden,
    /// The actor may not add one of the users, because of a block or a setting. The text does not say which.
    #[error("you may not add this user")]
    MayNotAdd(Username),
    /// The user is already a member.
    #[error("this user is already a member")]
    AlreadyMember,
    /// There is no such user, or the user is not in the group.
    #[error("there is no such user, or the user is not in this group")]
    UserNotFound(Username),
    /// The group is full.
    #[error("this group has the maximum number of members")]
    TooManyMembers,
    /// A user is in the maximum number of groups.
    #[error("a user is in the maximum number of groups")]
    TooManyGroups,
    /// The database could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for GroupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl GroupError {
    /// Returns the code of the protocol.
    #[must_use]
    pub fn code(&self) -> SysCode {
        match self {
            Self::NotFound => SysCode::GroupNotFound,
            Self::NotAMember => SysCode::NotAMember,
            Self::Forbidden | Self::MayNotAdd(_) => SysCode::Forbidden,
            Self::AlreadyMember => SysCode::Conflict,
            Self::UserNotFound(_) => SysCode::UserNotFound,
            Self::TooManyMembers | Self::TooManyGroups => SysCode::LimitReached,
            Self::Store(_) => SysCode::InternalError,
        }
    }
}

/// Returns the text of an error in one line.
pub(super) fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let text = match error.downcast_ref::<sqlx::Error>() {
        // Leaves out the place in the source of PostgreSQL.
        Some(sqlx::Error::Database(error)) => error.message().to_owned(),
        _ => error.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
