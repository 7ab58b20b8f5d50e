//! What can go wrong in the store.

use callie_core::{SysCode, Username};

/// The database could not answer. Nothing of what was asked has been done, unless PostgreSQL was lost just as it confirmed it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is locked, full, gone or broken.
    #[error("the database failed: {}", one_line(.0))]
    Database(#[from] sqlx::Error),
    /// A row holds a value that this version cannot read.
    #[error("the database holds a {0} that cannot be read")]
    Unreadable(&'static str),
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// Why a database could not be opened. Each is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL has a scheme that is not supported.
    #[error("cannot open the database {url}: only a file, a sqlite:// URL or a postgres:// URL will do")]
    Scheme {
        /// The URL, without what follows the scheme: that may hold a password.
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
    /// The file holds something else.
    #[error("cannot open the database {path}: the file is not a SQLite database")]
    NotADatabase {
        /// The path as given.
        path: String,
    },
    /// There is none.
    #[error("there is no database {path}; a server makes it when it first starts")]
    Missing {
        /// The path as given.
        path: String,
    },
    /// The path is no path, or its file cannot be made.
    #[error("cannot open the database {path}: {source}")]
    Path {
        /// The path as given.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It does not open.
    #[error("cannot open the database {path}: {reason}")]
    Connect {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another server has it.
    #[error("cannot use the database {path}: {reason}")]
    InUse {
        /// The path.
        path: String,
        /// What kind of server, and what to do.
        reason: &'static str,
    },
    /// A newer server has changed it.
    #[error(
        "cannot open the database {path}: it was made by a newer server (its version is {version}); start that server, or restore a backup of before"
    )]
    Newer {
        /// The path.
        path: String,
        /// The version of its tables, which this server does not know.
        version: i64,
    },
    /// It is of another program, or a migration failed.
    #[error("cannot bring the database {path} up to date: {reason}")]
    Migrate {
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
}

impl OpenError {
    /// Whether the same database fails in the same way until an operator changes something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Scheme { .. } | Self::Url { .. } | Self::NotADatabase { .. } | Self::Newer { .. }
        )
    }
}

/// Why something about a group was not done. Nothing of it has been done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// No such group, or a private one that the actor is not in.
    #[error("there is no such group")]
    NotFound,
    /// A public group that the actor is not in.
    #[error("you are not a member of this group")]
    NotAMember,
    /// The actor's role does not allow it.
    #[error("your role in this group does not allow this")]
    Forbidden,
    /// One of the named users cannot be added by the actor, for a block or a setting. It does not tell which.
    #[error("this user cannot be added by you")]
    MayNotAdd(Username),
    /// The user is in already.
    #[error("this user is a member already")]
    AlreadyMember,
    /// There is no such user, or the user is not in the group.
    #[error("there is no such user here")]
    UserNotFound(Username),
    /// The group is full.
    #[error("a group cannot have more members")]
    TooManyMembers,
    /// A user is in as many groups as one may be.
    #[error("one cannot be in more groups")]
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
    /// The protocol's code for it.
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
