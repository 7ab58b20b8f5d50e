//! Who is online, as far as the sender may know.

use std::collections::BTreeSet;
use std::sync::Arc;

use callie_core::command::{Presence, PresenceMap};
use callie_core::{SysCode, Username};

use super::answer::{Answer, Refusal};
use crate::router::{Hub, Origin};

/// The commands about the presence of users.
pub(super) struct PresenceCommands {
    pub(super) hub: Arc<Hub>,
}

impl PresenceCommands {
    pub(super) fn get(&self, origin: &Origin, names: Vec<Username>) -> Answer {
        let names: BTreeSet<Username> = names.into_iter().collect();
        let presence = names.into_iter().map(|name| {
            let online = self.hub.shows_online(&origin.user, name.as_str());
            (name, if online { Presence::Online } else { Presence::Offline })
        });
        Answer::result(&PresenceMap::new(presence.collect()))
    }

    pub(super) fn subscribe(&self, origin: &Origin, names: Vec<Username>) -> Result<Answer, Refusal> {
        if !self.hub.watch(&origin.user, &names) {
            return Err(Refusal::because(
                SysCode::LimitReached,
                "you are subscribed to the maximum number of users",
            ));
        }
        Ok(self.get(origin, names))
    }

    pub(super) fn unsubscribe(&self, origin: &Origin, names: &[Username]) -> Answer {
        self.hub.unwatch(&origin.user, names);
        Answer::done()
    }
}
