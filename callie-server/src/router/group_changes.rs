//! Changes of groups: applied to memory, reported to the members and to the other nodes.

use callie_core::{GroupId, Notice, Recipient};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::entry::{Entry, GroupChange};
use super::hub::Hub;
use crate::base::ids::envelope_ids;

impl Hub {
    /// Applies a change of a group, which the database has already, here and on all other nodes, and notifies the
    /// members.
    pub(crate) fn change_group(&self, id: GroupId, change: GroupChange) {
        let text = text_of(id, &change);
        self.apply_group_change(id, &change, &text);
        if let GroupChange::Created(members) = &change {
            // Here the group is known to be new; another node may have received later changes before.
            self.set_members(id, members);
        }
        self.remote.send_change(&Entry::Changed { group: id, change, text: &text });
    }

    /// Applies a change of a group that every node learns of by itself, and notifies the members who are connected here.
    pub(crate) fn change_group_here(&self, id: GroupId, change: &GroupChange) {
        self.apply_group_change(id, change, &text_of(id, change));
    }

    /// Applies a change of a group that another node has reported; `text` goes to the members who are connected here.
    pub(crate) fn group_changed(&self, id: GroupId, change: &GroupChange, text: &str) {
        self.apply_group_change(id, change, &Utf8Bytes::from(text));
    }

    fn apply_group_change(&self, id: GroupId, change: &GroupChange, text: &Utf8Bytes) {
        let tell_members = || {
            if let Some(group) = self.group(id) {
                group.announce(text);
            }
        };
        match change {
            GroupChange::Created(members) => {
                for member in members {
                    self.joined(id, member);
                }
                for member in members.iter().skip(1) {
                    let text = encoded(id, &Notice::user_joined(member.clone(), Some(id)));
                    for link in self.links_of(member.as_str()) {
                        link.send(&text);
                    }
                }
            }
            GroupChange::Joined(name) => {
                self.joined(id, name);
                tell_members();
            }
            // Members who leave receive it too.
            GroupChange::Left(name) => {
                tell_members();
                self.left(id, name);
            }
            GroupChange::Updated => tell_members(),
            GroupChange::Deleted => {
                tell_members();
                self.dissolved(id);
            }
        }
    }
}

/// Returns the payload that tells the members of a change, empty if there is none.
fn text_of(id: GroupId, change: &GroupChange) -> Utf8Bytes {
    let notice = match change {
        // Each member receives their own joining.
        GroupChange::Created(_) => return Utf8Bytes::default(),
        GroupChange::Joined(name) => Notice::user_joined(name.clone(), Some(id)),
        GroupChange::Left(name) => Notice::user_left(name.clone(), Some(id)),
        GroupChange::Updated => Notice::group_updated(id),
        GroupChange::Deleted => Notice::group_deleted(id),
    };
    encoded(id, &notice)
}

fn encoded(id: GroupId, notice: &Notice) -> Utf8Bytes {
    Utf8Bytes::from(notice.to_payload(Recipient::Group(id), envelope_ids()).encode())
}
