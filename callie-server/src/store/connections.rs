//! Connections to the database, and how long an answer may take.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyPool, Describe, Either, Error, Execute, Executor, SqlStr, Transaction};

/// The kinds of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file, or memory.
    Sqlite,
    /// A server of its own, that other servers may use too.
    Postgres,
}

impl Kind {
    /// How long a question waits for its answer, getting a connection included.
    ///
    /// Both databases end what takes too long by themselves, and sooner. What is left is a PostgreSQL that is gone without
    /// a word, with its machine or the network: TCP would notice after a quarter of an hour.
    fn patience(self) -> Duration {
        match self {
            Self::Sqlite => Duration::from_secs(10),
            Self::Postgres => Duration::from_secs(5),
        }
    }
}

/// Connections, shared by all who ask. As an executor it takes one for each question.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pool: AnyPool,
    kind: Kind,
}

impl Connections {
    pub(super) fn new(pool: AnyPool, kind: Kind) -> Self {
        Self { pool, kind }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// A transaction that begins with the statement `begin`.
    pub(super) async fn begin(&self, begin: &'static str) -> Result<Tx, Error> {
        let inner = in_time(self.kind, self.pool.begin_with(begin)).await?;
        Ok(Tx { inner, kind: self.kind })
    }

    /// Waits for the connections that are in use, and closes all.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction. Dropped before [`Tx::commit`], it has done nothing.
pub(super) struct Tx {
    inner: Transaction<'static, Any>,
    kind: Kind,
}

impl Tx {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        in_time(self.kind, self.inner.commit()).await
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Gives up after the patience of `kind`. A connection that is left in the middle of an answer goes back to its pool, which
/// looks whether it is well and closes it if not.
async fn in_time<T>(kind: Kind, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(kind.patience(), answer).await {
        Ok(answer) => answer,
        Err(late) => Err(Error::Io(late.into())),
    }
}

/// All that an answer is made of, and its rows one by one.
type Parts<'e> = BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>;

/// The time is that of the whole answer: it is handed on when it is complete.
fn parts<'e>(
    answer: impl Future<Output = Result<Vec<Either<AnyQueryResult, AnyRow>>, Error>> + Send + 'e,
) -> Parts<'e> {
    stream::once(answer).map_ok(|parts| stream::iter(parts).map(Ok)).try_flatten().boxed()
}

/// An [`Executor`] that asks what is in its field `$asked`, each time with the patience of its kind.
macro_rules! patient_executor {
    ($executor:ty, $asked:ident) => {
        impl<'c> Executor<'c> for $executor {
            type Database = Any;

            fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Parts<'e>
            where
                'c: 'e,
                E: 'q + Execute<'q, Any>,
            {
                parts(in_time(self.kind, self.$asked.fetch_many(query).try_collect()))
            }

            fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
            where
                'c: 'e,
                E: 'q + Execute<'q, Any>,
            {
                Box::pin(in_time(self.kind, self.$asked.fetch_optional(query)))
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [AnyTypeInfo],
            ) -> BoxFuture<'e, Result<AnyStatement, Error>>
            where
                'c: 'e,
            {
                Box::pin(in_time(self.kind, self.$asked.prepare_with(sql, parameters)))
            }

            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
            where
                'c: 'e,
            {
                Box::pin(in_time(self.kind, self.$asked.describe(sql)))
            }
        }
    };
}

patient_executor!(&'c Connections, pool);
patient_executor!(&'c mut Tx, inner);
