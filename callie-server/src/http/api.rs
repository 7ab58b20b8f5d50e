//! What the calls about accounts and sessions use.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::attempts::Attempts;
use super::passwords::Passwords;
use crate::base::config::{Config, LiveConfig};
use crate::base::telemetry::Telemetry;
use crate::store::{AccountReader, Accounts, Deletions, Health, Invitations, Sessions, Store};

/// What the calls about accounts and sessions use.
#[derive(Debug)]
pub(crate) struct Api {
    /// The accounts of users.
    pub(super) accounts: Accounts,
    /// All that is kept of a user.
    pub(super) account_data: AccountReader,
    /// The invitations to register.
    pub(super) invitations: Invitations,
    /// Deletes accounts.
    pub(super) deletions: Deletions,
    /// The sessions of users.
    pub(super) sessions: Sessions,
    /// The state of the database.
    pub(super) health: Health,
    /// Hashes and verifies passwords.
    pub(super) passwords: Passwords,
    /// The configuration in use.
    pub(super) config: Arc<LiveConfig>,
    /// Metrics and log limits.
    pub(super) telemetry: Arc<Telemetry>,
    attempts: ArcSwap<Attempts>,
}

impl Api {
    /// Creates the calls on `store`.
    pub(crate) fn new(
        store: &Store,
        passwords: Passwords,
        config: Arc<LiveConfig>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            accounts: store.accounts.clone(),
            account_data: store.account_data.clone(),
            invitations: store.invitations.clone(),
            deletions: store.deletions.clone(),
            sessions: store.sessions.clone(),
            health: store.health.clone(),
            passwords,
            attempts: ArcSwap::from_pointee(Attempts::new(&config.current())),
            config,
            telemetry,
        }
    }

    /// Applies the limits on attempts of a new configuration. Attempts so far still count where a limit is unchanged.
    pub(crate) fn set_limits(&self, config: &Config) {
        let attempts = self.attempts.load().with_limits_of(config);
        self.attempts.store(Arc::new(attempts));
    }

    /// Returns the limits on attempts as they are now.
    pub(super) fn attempts(&self) -> Arc<Attempts> {
        self.attempts.load_full()
    }
}
