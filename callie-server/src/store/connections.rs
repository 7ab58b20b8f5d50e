//! Connections to the database, and how long an answer may take.

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
    watch: Watch,
}

impl Connections {
    /// Connections of `pool`; `failures` counts what fails on them.
    pub(super) fn new(pool: AnyPool, kind: Kind, failures: Counter) -> Self {
        Self { pool, watch: Watch { kind, failures } }
    }

    pub(super) fn kind(&self) -> Kind {
        self.watch.kind
    }

    /// A transaction that begins with the statement `begin`.
    pub(super) async fn begin(&self, begin: &'static str) -> Result<Tx, Error> {
        let inner = self.watch.over(self.pool.begin_with(begin)).await?;
        Ok(Tx { inner, watch: self.watch.clone() })
    }

    /// Waits for the connections that are in use, and closes all.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A transaction. Dropped before [`Tx::commit`], it has done nothing.
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

/// What is seen to with each question: the time that it takes, and whether it fails.
#[derive(Debug, Clone)]
struct Watch {
    kind: Kind,
    failures: Counter,
}

impl Watch {
    /// Gives up after the patience of the kind. A connection that is left in the middle of an answer goes back to its pool,
    /// which looks whether it is well and closes it if not.
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

/// Whether the database failed, and did not only refuse what breaks one of its rules.
fn is_failure(error: &Error) -> bool {
    match error {
        Error::RowNotFound => false,
        Error::Database(error) => error.kind() == ErrorKind::Other,
        _ => true,
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

/// An [`Executor`] that asks what is in its field `$asked`, watched each time.
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
