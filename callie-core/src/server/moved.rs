//! Moving a lost connection to another process, in which it is resumed.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::ServerConfig;
use super::connection::{Connection, EnvelopeIdSource};
use super::handshake::Identity;
use super::recent::PayloadKey;
use super::resumption::{MovedTexts, Resumption};
use super::written::Text;
use crate::command::Features;
use crate::name::ConnectionId;

/// The state of a lost connection, for another process of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MovedConnection<T> {
    connection_id: ConnectionId,
    features: Features,
    number: u64,
    texts: MovedTexts<T>,
    unwritten: Vec<String>,
}

impl<T: Text> MovedConnection<T> {
    /// Returns the same with another type of texts.
    #[must_use]
    pub fn convert<U: Text>(self) -> MovedConnection<U> {
        let Self { connection_id, features, number, texts, unwritten } = self;
        MovedConnection { connection_id, features, number, texts: texts.convert(), unwritten }
    }

    /// Returns the features that are in force on the connection.
    #[must_use]
    pub fn features(&self) -> Features {
        self.features
    }

    /// Returns the texts that the client may not have received, in their order. The first ones were written already.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.kept.iter().map(AsRef::as_ref).chain(self.unwritten.iter().map(String::as_str))
    }
}

impl<R, T: Text> Connection<R, T> {
    /// Takes the state of a connection that is [away](Self::go_away). Afterwards only
    /// [`take_receipts`](Self::take_receipts) may be called. `None` if the connection cannot be resumed.
    pub fn move_away(&mut self, now: Duration) -> Option<MovedConnection<T>> {
        let report = self.take_report(now);
        self.out.extend(report);
        let (connection_id, texts) = self.resumption.take()?.into_moved();
        Some(MovedConnection {
            connection_id,
            features: self.features.unwrap_or_default(),
            number: self.number,
            texts,
            unwritten: std::mem::take(&mut self.out).into(),
        })
    }

    /// Takes the receipts of the payloads that the client has not confirmed, with their keys.
    pub fn take_receipts(&mut self) -> Vec<(PayloadKey, R)> {
        self.pending.take_with_keys()
    }

    /// Continues a connection that another process has [moved away](Self::move_away). It is away until it is
    /// [resumed](Self::resume). The caller passes the payloads that the client may still confirm to
    /// [`written`](Self::written).
    pub fn arrive(
        now: Duration,
        config: Arc<ServerConfig>,
        identity: Identity,
        next_ids: EnvelopeIdSource,
        moved: MovedConnection<T>,
    ) -> Self {
        let MovedConnection { connection_id, features, number, texts, unwritten } = moved;
        let resumption = Resumption::arrive(connection_id, texts, config.max_kept_bytes);
        let mut connection = Self::new(now, config, identity, "".into(), next_ids);
        connection.features = Some(features);
        connection.number = number;
        connection.resumption = Some(Box::new(resumption));
        connection.out = unwritten.into();
        connection
    }
}
