//! Who is online, as far as one may know.

use std::collections::BTreeSet;

use callie_core::command::{Presence, PresenceMap};
use callie_core::{SysCode, Username};

use super::answer::{Answer, Refusal};
use crate::gateway::Speaker;

pub(super) fn get(speaker: &Speaker, names: Vec<Username>) -> Answer {
    let (hub, viewer) = (speaker.hub(), &speaker.origin.user);
    let names: BTreeSet<Username> = names.into_iter().collect();
    let presence = names.into_iter().map(|name| {
        let online = hub.shows_online(viewer, name.as_str());
        (name, if online { Presence::Online } else { Presence::Offline })
    });
    Answer::result(&PresenceMap { presence: presence.collect() })
}

pub(super) fn subscribe(speaker: &Speaker, names: Vec<Username>) -> Result<Answer, Refusal> {
    if !speaker.hub().watch(&speaker.origin.user, &names) {
        return Err(Refusal::because(
            SysCode::LimitReached,
            "you are subscribed to as many users as one may be",
        ));
    }
    Ok(get(speaker, names))
}

pub(super) fn unsubscribe(speaker: &Speaker, names: &[Username]) -> Answer {
    speaker.hub().unwatch(&speaker.origin.user, names);
    Answer::done()
}
