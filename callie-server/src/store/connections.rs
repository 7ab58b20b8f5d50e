//! Connections to the database, with a timeout for every query.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use prometheus_client::metrics::counter::Counter;
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::error::ErrorKind;
use sqlx::{Any, AnyPool, Describe, Either, Error, Execute, Executor, SqlStr, Transaction};

/// The kinds of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// SQLite, in a file or in memory.
    Sqlite,
    /// PostgreSQL, which several servers may use.
    Postgres,
}

impl Kind {
    /// Returns how long a query may take, including the time to get a connection.
    ///
    /// Both databases end slow queries themselves, and earlier. The timeout is for a PostgreSQL server that disappeared
    /// with its machine or its network, which TCP would notice only after a quarter of an hour.
    fn patience(self) -> Duration {
        match self {
            Self::Sqlite => Duration::from_secs(10),
            Self::Postgres => Duration::from_secs(5),
        }
    }
}

/// A pool of connections. As an executor, it takes one connection for each query.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    pool: AnyPool,
    watch: Watch,
}

impl Connections {
    /// Wraps `pool`; `failures` counts the queries that fail.
    pub(super) fn new(pool: AnyPool, kind: Kind, failures: Counter) -> Self {
        Self { pool, watch: Watch { kind, failures } }
    }

    pub(super) fn kind(&self) -> Kind {
        self.watch.kind
    }

    /// Begins a transaction with the statement `begin`.
    pub(super) async fn begin(&self, begin: &'static str) -> Result<Tx, Error> {
        let inner = self.watch.over(self.pool.begin_with(begin)).await?;
        Ok(Tx { inner, watch: self.watch.clone() })
    }

    /// Waits for the connections that are in use, and closes all of them.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction. It is rolled back if it is dropped before [`Tx::commit`].
pub(super) struct Tx {
    inner: Transaction<'static, Any>,
    watch: Watch,
}

impl Tx {
    pub(super) fn kind(&self) -> Kind {
        self.watch.kind
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        self.watch.over(self.inner.commit()).await
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("kind", &self.watch.kind).finish_non_exhaustive()
    }
}

/// What applies to each query: its timeout, and the counter of failures.
#[derive(Debug, Clone)]
struct Watch {
    kind: Kind,
    failures: Counter,
}

impl Watch {
    /// Waits for an answer up to the timeout. A connection that is dropped in the middle of an answer returns to its
    /// pool, which checks it and closes it if it fails.
    async fn over<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answer = match tokio::time::timeout(self.kind.patience(), answer).await {
            Ok(answer) => answer,
            Err(late) => Err(Error::Io(late.into())),
        };
        if let Err(error) = &answer
            && is_failure(error)
        {
            self.failures.inc();
        }
        answer
    }
}

/// Returns `true` if the database failed, and did not only reject a violation of a constraint.
fn is_failure(error: &Error) -> bool {
    match error {
        Error::RowNotFound => false,
        Error::Database(error) => error.kind() == ErrorKind::Other,
        _ => true,
    }
}

/// Everything that an answer consists of, with its rows one by one.
type Parts<'e> = BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>;

/// The timeout is for the whole answer, which is passed on when it is complete.
fn parts<'e>(
    answer: impl Future<Output = Result<Vec<Either<AnyQueryResult, AnyRow>>, Error>> + Send + 'e,
) -> Parts<'e> {
    stream::once(answer).map_ok(|parts| stream::iter(parts).map(Ok)).try_flatten().boxed()
}

/// Implements [`Executor`] by running each query on the field `$asked`, with its timeout.
macro_rules! patient_executor {
    ($executor:ty, $asked:ident) => {
        impl<'c> Executor<'c> for $executor {
            type Database = Any;

            fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Parts<'e>
            where
                'c: 'e,
                E: 'q + Execute<'q, Any>,
            {
                let watch = self.watch.clone();
                parts(async move { watch.over(self.$asked.fetch_many(query).try_collect()).await })
            }

            fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
            where
                'c: 'e,
                E: 'q + Execute<'q, Any>,
            {
                let watch = self.watch.clone();
                Box::pin(async move { watch.over(self.$asked.fetch_optional(query)).await })
            }

            fn prepare_with<'e>(
                self,
                sql: SqlStr,
                parameters: &'e [AnyTypeInfo],
            ) -> BoxFuture<'e, Result<AnyStatement, Error>>
            where
                'c: 'e,
            {
                let watch = self.watch.clone();
                Box::pin(async move { watch.over(self.$asked.prepare_with(sql, parameters)).await })
            }

            fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
            where
                'c: 'e,
            {
                let watch = self.watch.clone();
                Box::pin(async move { watch.over(self.$asked.describe(sql)).await })
            }
        }
    };
}

patient_executor!(&'c Connections, pool);
patient_executor!(&'c mut Tx, inner);
