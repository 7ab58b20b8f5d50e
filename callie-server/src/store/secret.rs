//! A secret that belongs to the database, for all servers on it.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Store, StoreError};

const NAME: &str = "payload_ids";

/// Random bytes that are made with the database and never change.
pub(crate) struct Secret([u8; 16]);

impl Secret {
    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A number that tells this database from others, and nothing of the bytes.
    pub(crate) fn fingerprint(&self) -> u64 {
        Sha256::digest(self.0).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl Store {
    /// The database's secret, made if there is none.
    pub(crate) async fn secret(&self) -> Result<Secret, StoreError> {
        let mut new = [0; 16];
        getrandom::fill(&mut new)?;
        // Of several servers that start at a time one is the first.
        sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(NAME)
            .bind(Uuid::from_bytes(new).to_string())
            .execute(&self.write)
            .await?;
        let row: (String,) = sqlx::query_as("SELECT value FROM secrets WHERE name = $1")
            .bind(NAME)
            .fetch_one(&self.read)
            .await?;
        let value = Uuid::try_parse(&row.0).map_err(|_| StoreError::Unreadable("secret"))?;
        Ok(Secret(value.into_bytes()))
    }
}
