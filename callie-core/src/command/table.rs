//! The table of commands that clients send to the server: everything that is said of a command stands here once.
//!
//! `command_table` hands the rows to a macro of its caller, which derives what it needs from them: the enum of all commands
//! (`known`), the requests (`request`), and the methods of the client.

/// Calls `$derive!` with one row for each command:
///
/// `Variant method = "NAME", Permission -> Result, {required parameters}, {optional parameters}`, where a parameter is
/// `field: Type = "name" by reader`. A command without a result has no answer.
#[doc(hidden)]
#[macro_export]
macro_rules! command_table {
    ($derive:ident) => {
        $derive! {
            /// Begins a connection. The answer is `AUTHENTICATED`.
            Authenticate authenticate = "AUTHENTICATE", Anyone, {}, {}
            /// Confirms payloads that asked for it. There is no answer.
            Ack ack = "ACK", Anyone, {
                /// 1 to 256 of them.
                payloads: Vec<AckEntry> = "payloads" by take,
            }, {}
            /// Creates a group that the caller owns.
            CreateGroup create_group = "CREATE_GROUP", Anyone -> GroupCreated, {
                /// The group's name.
                name: GroupName = "name" by take,
            }, {
                /// The first members beside the caller.
                members: Vec<Username> = "members" by first_members,
                /// Who can find and join it.
                visibility: Visibility = "visibility" by or_default,
            }
            /// Joins a public group.
            JoinGroup join_group = "JOIN_GROUP", Anyone -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
            }, {}
            /// Leaves a group. The last member to leave deletes it.
            LeaveGroup leave_group = "LEAVE_GROUP", Member -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
            }, {}
            /// Adds a user to a group.
            AddMember add_member = "ADD_MEMBER", GroupAdmin -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Removes a user from a group.
            RemoveMember remove_member = "REMOVE_MEMBER", GroupAdmin -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Sets the role of a member. A new owner makes the former one an admin.
            SetRole set_role = "SET_ROLE", GroupOwner -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
                /// The member.
                username: Username = "username" by take,
                /// The new role.
                role: Role = "role" by take,
            }, {}
            /// Renames a group.
            RenameGroup rename_group = "RENAME_GROUP", GroupAdmin -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
                /// The new name.
                name: GroupName = "name" by take,
            }, {}
            /// Deletes a group.
            DeleteGroup delete_group = "DELETE_GROUP", GroupOwner -> Empty, {
                /// The group.
                group_id: GroupId = "groupID" by take,
            }, {}
            /// Returns one page of the caller's groups.
            ListGroups list_groups = "LIST_GROUPS", Anyone -> GroupList, {}, {
                /// The most entries wanted.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the page before.
                after: Option<Cursor> = "after" by take,
            }
            /// Returns one page of the groups that anyone can join, without roles.
            ListPublicGroups list_public_groups = "LIST_PUBLIC_GROUPS", Anyone -> GroupList, {}, {
                /// The most entries wanted.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the page before.
                after: Option<Cursor> = "after" by take,
            }
            /// Returns a group with one page of its members.
            GetGroup get_group = "GET_GROUP", Member -> GroupDetails, {
                /// The group.
                group_id: GroupId = "groupID" by take,
            }, {
                /// The most members wanted.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the page before.
                after: Option<Cursor> = "after" by take,
            }
            /// Tells everyone who has a message to delete it.
            DeleteMessage delete_message = "DELETE_MESSAGE", AuthorOrGroupAdmin -> Empty, {
                /// Where the message went.
                recipient: Conversation = "recipient" by take,
                /// The message.
                message_id: MessageId = "messageID" by take,
            }, {
                /// Its author, where that is not the caller.
                sender: Option<Username> = "sender" by take,
            }
            /// Tells everyone who has a message of the caller its new text.
            EditMessage edit_message = "EDIT_MESSAGE", Author -> Empty, {
                /// Where the message went.
                recipient: Conversation = "recipient" by take,
                /// The message.
                message_id: MessageId = "messageID" by take,
                /// Its new text.
                text: MessageText = "text" by take,
            }, {}
            /// Sends something fleeting, such as that the caller is typing. There is no answer unless it is refused.
            Signal signal = "SIGNAL", Anyone -> Empty, {
                /// Where it goes.
                recipient: Conversation = "recipient" by take,
                /// What it is about.
                kind: SignalKind = "kind" by take,
            }, {
                /// What goes with it.
                data: Option<SignalData> = "data" by take,
            }
            /// Returns who is online.
            GetPresence get_presence = "GET_PRESENCE", Anyone -> PresenceMap, {
                /// 1 to 256 names.
                usernames: Vec<Username> = "usernames" by take,
            }, {}
            /// Returns who is online, and subscribes to changes.
            SubscribePresence subscribe_presence = "SUBSCRIBE_PRESENCE", Anyone -> PresenceMap, {
                /// 1 to 256 names.
                usernames: Vec<Username> = "usernames" by take,
            }, {}
            /// Cancels the presence subscription.
            UnsubscribePresence unsubscribe_presence = "UNSUBSCRIBE_PRESENCE", Anyone -> Empty, {
                /// 1 to 256 names.
                usernames: Vec<Username> = "usernames" by take,
            }, {}
            /// Returns the public profile of a user.
            GetProfile get_profile = "GET_PROFILE", Anyone -> Profile, {
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Returns the caller's settings.
            GetSettings get_settings = "GET_SETTINGS", Anyone -> Settings, {}, {}
            /// Changes those of the caller's settings that are given, and returns all of them.
            UpdateSettings update_settings = "UPDATE_SETTINGS", Anyone -> Settings, {}, {
                /// The display name; empty for none.
                display_name: Option<DisplayName> = "displayName" by take,
                /// Who may see whether the caller is online.
                presence: Option<PresenceAudience> = "presence" by take,
                /// Who may message the caller directly.
                direct_messages: Option<DirectMessages> = "directMessages" by take,
            }
            /// Stops all direct traffic with a user, both ways.
            BlockUser block_user = "BLOCK_USER", Anyone -> Empty, {
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Unblocks a user, who may then message the caller again.
            UnblockUser unblock_user = "UNBLOCK_USER", Anyone -> Empty, {
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Returns one page of the users that the caller blocked.
            ListBlocked list_blocked = "LIST_BLOCKED", Anyone -> BlockedList, {}, {
                /// The most entries wanted.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the page before.
                after: Option<Cursor> = "after" by take,
            }
            /// Returns the caller's sessions.
            ListSessions list_sessions = "LIST_SESSIONS", Anyone -> SessionList, {}, {}
            /// Ends one of the caller's sessions.
            RevokeSession revoke_session = "REVOKE_SESSION", Anyone -> Empty, {
                /// The session.
                session_id: SessionId = "sessionID" by take,
            }, {}
            /// Closes all connections of a user.
            KickUser kick_user = "KICK_USER", ServerAdmin -> Empty, {
                /// The user.
                username: Username = "username" by take,
            }, {
                /// Why, for people.
                reason: Option<RemovalReason> = "reason" by take,
            }
            /// Ends all sessions of a user, and refuses new ones.
            BanUser ban_user = "BAN_USER", ServerAdmin -> Empty, {
                /// The user.
                username: Username = "username" by take,
            }, {
                /// Why, for people.
                reason: Option<RemovalReason> = "reason" by take,
                /// When the ban ends; never where it is left out.
                until: Option<Timestamp> = "until" by take,
            }
            /// Lifts the ban of a user.
            UnbanUser unban_user = "UNBAN_USER", ServerAdmin -> Empty, {
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Sends an announcement to everyone online.
            Announce announce = "ANNOUNCE", ServerAdmin -> Empty, {
                /// The text.
                text: MessageText = "text" by take,
            }, {}
            /// Returns the server's counters.
            ServerStats server_stats = "SERVER_STATS", ServerAdmin -> command::ServerStats, {}, {}
        }
    };
}
