//! What memory has from the database of users and groups that are connected, and how it is brought up to date.

use std::sync::Arc;

use callie_core::{GroupId, Username};

use crate::router::{Groups, Known, Origin, Privacy};
use crate::server::App;
use crate::store::{Relations, StoreError};

/// How often something is read anew that changes while being read. It takes a change at the very moment each time.
pub(super) const ATTEMPTS: usize = 10;

/// Reads what is to be known of a user; `version` is the user's before that.
pub(super) async fn read_user(app: &App, name: &Username, version: u64) -> Result<Known, StoreError> {
    // A user with a live session is there; one who is not sees and hears what anyone may.
    let Some(Relations { groups, barred, presence, direct }) = app.store.relations(name).await? else {
        return Ok(Known { groups: Groups::default(), privacy: Privacy::default(), version });
    };
    let privacy = Privacy { presence, direct, barred: barred.into_iter().collect() };
    Ok(Known { groups: Arc::new(groups.into_iter().collect()), privacy, version })
}

/// Reads the members of the user's groups of which nobody was connected before.
pub(super) async fn load_groups(app: &App, origin: &Origin) -> Result<(), StoreError> {
    let groups = origin.user.state().groups.clone();
    for &id in &*groups {
        load_group(app, id).await?;
    }
    Ok(())
}

/// Reads the members of a group, if that was not done since somebody of it is connected.
pub(crate) async fn load_group(app: &App, id: GroupId) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(group) = app.gateway.hub.group(id) else { break };
        let as_of = {
            let state = group.state();
            if state.loaded {
                break;
            }
            state.changes
        };
        let members = app.store.group_member_names(id).await?;
        if app.gateway.hub.load(id, &members, as_of) {
            break;
        }
    }
    Ok(())
}

/// Reads a connected user anew: changes were made that this server may not have heard of.
pub(crate) async fn refresh_user(app: &App, name: &Username) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let Some(user) = app.gateway.hub.user(name.as_str()) else { break };
        let version = {
            let state = user.state();
            if state.links.is_empty() {
                break;
            }
            state.version
        };
        let known = read_user(app, name, version).await?;
        if app.gateway.hub.refresh(&user, known) {
            break;
        }
    }
    Ok(())
}

/// Reads the members of a group anew. In the group's lane, so that nobody on this server changes them meanwhile.
pub(crate) async fn reload_group(app: &Arc<App>, id: GroupId) -> Result<(), StoreError> {
    let job = {
        let app = app.clone();
        async move {
            let members = app.store.group_member_names(id).await?;
            app.gateway.hub.set_members(id, &members);
            Ok(())
        }
    };
    // A lane that is gone has no server to keep up to date.
    app.gateway.lanes.run(&id, job).await.unwrap_or(Ok(()))
}
