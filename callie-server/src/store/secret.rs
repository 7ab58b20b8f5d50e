//! A secret that all servers on one database share.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::database::Database;
use super::error::StoreError;

const NAME: &str = "payload_ids";

/// Random bytes that are created with the database and never change.
pub(crate) struct Secret([u8; 16]);

impl Secret {
    /// Returns the bytes.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns a number that identifies the database and reveals nothing about the bytes.
    pub(crate) fn fingerprint(&self) -> u64 {
        Sha256::digest(self.0).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl Secret {
    /// Reads the secret of the database, and creates it if there is none.
    pub(super) async fn load(database: &Database) -> Result<Self, StoreError> {
        let mut new = [0; 16];
        getrandom::fill(&mut new)?;
        // Of several servers that start at the same time, the first one creates it.
        sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(NAME)
            .bind(Uuid::from_bytes(new).to_string())
            .execute(database.write())
            .await?;
        let row: (String,) = sqlx::query_as("SELECT value FROM secrets WHERE name = $1")
            .bind(NAME)
            .fetch_one(database.read())
            .await?;
        let value = Uuid::try_parse(&row.0).map_err(|_| StoreError::Unreadable("secret"))?;
        Ok(Self(value.into_bytes()))
    }
}
