//! The table of commands that clients send to the server.
//!
//! `command_table` passes the rows to a macro of its caller, which derives what it needs from them: the enum of all commands
//! (`known`), the requests (`request`), the table as data (`spec`), and the methods of the client. From the table as data,
//! `bindings/codegen` writes the command wrappers of all other languages.

/// Calls `$derive!` with one row for each command:
///
/// `Variant method = "NAME", Permission -> Result, {required parameters}, {optional parameters}`, where a parameter is
/// `field: Type = "name" by reader`. A command without a result has no answer.
///
/// The documentation of a row is that of the command in every language. The first paragraph is one sentence. A parameter is
/// named in backticks by its field, which each language writes in its own case. A last paragraph "Refused with …" lists the
/// codes with which the server refuses this command in particular.
#[doc(hidden)]
#[macro_export]
macro_rules! command_table {
    ($derive:ident) => {
        $derive! {
            /// Authenticates the connection; the answer is `AUTHENTICATED`.
            Authenticate authenticate = "AUTHENTICATE", Anyone, {}, {
                /// The client program, for logs and statistics.
                client: Option<ClientInfo> = "client" by take,
                /// The features that the client supports, at most 32; unknown ones are ignored.
                features: Option<Vec<FeatureName>> = "features" by take,
                /// The connection to resume.
                resume: Option<ResumeRequest> = "resume" by take,
            }
            /// Confirms the delivery of payloads that asked for it, and counts the texts that arrived.
            Ack ack = "ACK", Anyone, {}, {
                /// The payloads, 1 to 256; with `received`, at most 256.
                payloads: Vec<AckEntry> = "payloads" by acknowledged,
                /// How many texts of this connection the client has taken after `AUTHENTICATED`.
                received: Option<TextCount> = "received" by take,
            }
            /// Creates a group whose owner is the caller.
            ///
            /// Either every user in `members` joins or no group is created. Duplicate names and the caller's own are
            /// merged. `FORBIDDEN` if a user does not accept direct messages from the caller.
            ///
            /// Refused with `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED`.
            CreateGroup create_group = "CREATE_GROUP", Anyone -> Group, {
                /// The group's name: 1 to 64 characters, no control characters.
                name: GroupName = "name" by take,
            }, {
                /// The usernames of the initial members besides the caller.
                members: Vec<Username> = "members" by first_members,
                /// Who can find and join the group; private unless given.
                visibility: Visibility = "visibility" by or_default,
            }
            /// Joins a public group.
            ///
            /// Refused with `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED`.
            JoinGroup join_group = "JOIN_GROUP", Anyone -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
            }, {}
            /// Leaves a group.
            ///
            /// An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if
            /// there is no admin. The group is deleted when its last member leaves.
            ///
            /// Refused with `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
            LeaveGroup leave_group = "LEAVE_GROUP", Member -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
            }, {}
            /// Adds a user to a group.
            ///
            /// Refused with `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`, `USER_NOT_FOUND`, `CONFLICT` or
            /// `LIMIT_REACHED`.
            AddMember add_member = "ADD_MEMBER", GroupAdmin -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
                /// The user to add.
                username: Username = "username" by take,
            }, {}
            /// Removes a user from a group.
            ///
            /// Only the owner can remove an admin, and nobody can remove the owner.
            ///
            /// Refused with `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`.
            RemoveMember remove_member = "REMOVE_MEMBER", GroupAdmin -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
                /// The member to remove.
                username: Username = "username" by take,
            }, {}
            /// Changes the role of another member.
            ///
            /// A group has one owner: making a member the owner makes the caller an admin.
            ///
            /// Refused with `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`.
            SetRole set_role = "SET_ROLE", GroupOwner -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
                /// The member.
                username: Username = "username" by take,
                /// The new role.
                role: Role = "role" by take,
            }, {}
            /// Renames a group.
            ///
            /// Refused with `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
            RenameGroup rename_group = "RENAME_GROUP", GroupAdmin -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
                /// The new name: 1 to 64 characters, no control characters.
                name: GroupName = "name" by take,
            }, {}
            /// Deletes a group.
            ///
            /// Refused with `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
            DeleteGroup delete_group = "DELETE_GROUP", GroupOwner -> Empty, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
            }, {}
            /// Returns one page of the groups that the caller is a member of.
            ListGroups list_groups = "LIST_GROUPS", Anyone -> GroupPage, {}, {
                /// The maximum number of groups in the page, 1 to 200; 100 unless given.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the previous page; the first page unless given.
                after: Option<Cursor> = "after" by take,
            }
            /// Returns one page of the public groups, without the caller's roles.
            ListPublicGroups list_public_groups = "LIST_PUBLIC_GROUPS", Anyone -> GroupPage, {}, {
                /// The maximum number of groups in the page, 1 to 200; 100 unless given.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the previous page; the first page unless given.
                after: Option<Cursor> = "after" by take,
            }
            /// Returns a group with one page of its members.
            ///
            /// Refused with `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
            GetGroup get_group = "GET_GROUP", Member -> GroupDetails, {
                /// The group's ID.
                group_id: GroupId = "groupID" by take,
            }, {
                /// The maximum number of members in the page, 1 to 200; 100 unless given.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the previous page; the first page unless given.
                after: Option<Cursor> = "after" by take,
            }
            /// Tells everyone who may have received a message to delete it.
            ///
            /// Refused with `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`.
            DeleteMessage delete_message = "DELETE_MESSAGE", AuthorOrGroupAdmin -> Empty, {
                /// The username or group ID that the message was sent to.
                recipient: Conversation = "recipient" by take,
                /// The message's ID.
                message_id: MessageId = "messageID" by take,
            }, {
                /// The author of the message; the caller unless given.
                sender: Option<Username> = "sender" by take,
            }
            /// Replaces the text of one of the caller's messages for everyone who may have received it.
            ///
            /// Refused with `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`.
            EditMessage edit_message = "EDIT_MESSAGE", Author -> Empty, {
                /// The username or group ID that the message was sent to.
                recipient: Conversation = "recipient" by take,
                /// The message's ID.
                message_id: MessageId = "messageID" by take,
                /// The new text, in Markdown; not empty, and within the server's limit for messages.
                text: MessageText = "text" by take,
            }, {}
            /// Sends a short-lived signal, such as a typing indicator.
            ///
            /// Delivery is neither guaranteed nor reported.
            ///
            /// Refused with `RECIPIENT_UNKNOWN`, `NOT_A_MEMBER` or `FORBIDDEN`.
            Signal signal = "SIGNAL", Anyone, {
                /// The username or group ID of the receiver.
                recipient: Conversation = "recipient" by take,
                /// `typing`, `read`, or another name of 1 to 32 lower-case letters and underscores.
                kind: SignalKind = "kind" by take,
            }, {
                /// Any JSON value of at most 1,024 bytes.
                data: Option<SignalData> = "data" by take,
            }
            /// Returns which of the given users are online.
            ///
            /// Users that do not exist or that hide their presence from the caller are reported offline.
            GetPresence get_presence = "GET_PRESENCE", Anyone -> PresenceMap, {
                /// The usernames, 1 to 256.
                usernames: Vec<Username> = "usernames" by take,
            }, {}
            /// Returns which of the given users are online, and subscribes to changes until the connection ends.
            ///
            /// Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
            ///
            /// Refused with `LIMIT_REACHED`.
            SubscribePresence subscribe_presence = "SUBSCRIBE_PRESENCE", Anyone -> PresenceMap, {
                /// The usernames, 1 to 256.
                usernames: Vec<Username> = "usernames" by take,
            }, {}
            /// Cancels presence subscriptions.
            UnsubscribePresence unsubscribe_presence = "UNSUBSCRIBE_PRESENCE", Anyone -> Empty, {
                /// The usernames, 1 to 256.
                usernames: Vec<Username> = "usernames" by take,
            }, {}
            /// Returns a user's public profile.
            ///
            /// Refused with `USER_NOT_FOUND`.
            GetProfile get_profile = "GET_PROFILE", Anyone -> Profile, {
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Returns the caller's settings.
            GetSettings get_settings = "GET_SETTINGS", Anyone -> Settings, {}, {}
            /// Changes the given settings of the caller, and returns all of them.
            UpdateSettings update_settings = "UPDATE_SETTINGS", Anyone -> Settings, {}, {
                /// The caller's display name: at most 64 characters, no control characters; empty for none.
                display_name: Option<DisplayName> = "displayName" by take,
                /// Who can see whether the caller is online.
                presence: Option<PresenceAudience> = "presence" by take,
                /// Who can send the caller direct messages.
                direct_messages: Option<DirectMessages> = "directMessages" by take,
            }
            /// Blocks a user: stops direct messages and presence in both directions.
            ///
            /// Messages in groups and broadcasts are not affected.
            ///
            /// Refused with `USER_NOT_FOUND`.
            BlockUser block_user = "BLOCK_USER", Anyone -> Empty, {
                /// The user to block.
                username: Username = "username" by take,
            }, {}
            /// Unblocks a user, who may then message the caller again.
            ///
            /// Refused with `USER_NOT_FOUND`.
            UnblockUser unblock_user = "UNBLOCK_USER", Anyone -> Empty, {
                /// The user to unblock.
                username: Username = "username" by take,
            }, {}
            /// Returns one page of the users that the caller has blocked.
            ListBlocked list_blocked = "LIST_BLOCKED", Anyone -> BlockedPage, {}, {
                /// The maximum number of users in the page, 1 to 200; 100 unless given.
                limit: PageLimit = "limit" by or_default,
                /// The `next` of the previous page; the first page unless given.
                after: Option<Cursor> = "after" by take,
            }
            /// Returns the caller's sessions, newest first.
            ListSessions list_sessions = "LIST_SESSIONS", Anyone -> SessionList, {}, {}
            /// Revokes one of the caller's sessions and closes its connections.
            ///
            /// Refused with `SESSION_NOT_FOUND`.
            RevokeSession revoke_session = "REVOKE_SESSION", Anyone -> Empty, {
                /// The session's ID.
                session_id: SessionId = "sessionID" by take,
            }, {}
            /// Closes a user's connections.
            ///
            /// Refused with `FORBIDDEN` or `USER_NOT_FOUND`.
            KickUser kick_user = "KICK_USER", ServerAdmin -> Empty, {
                /// The user to disconnect.
                username: Username = "username" by take,
            }, {
                /// The reason to show to the user: 1 to 256 characters, no control characters.
                reason: Option<RemovalReason> = "reason" by take,
            }
            /// Bans a user: revokes all of the user's sessions and rejects logins.
            ///
            /// Refused with `FORBIDDEN` or `USER_NOT_FOUND`.
            BanUser ban_user = "BAN_USER", ServerAdmin -> Empty, {
                /// The user to ban.
                username: Username = "username" by take,
            }, {
                /// The reason to show to the user: 1 to 256 characters, no control characters.
                reason: Option<RemovalReason> = "reason" by take,
                /// When the ban ends, before the year 10000; never unless given.
                until: Option<Timestamp> = "until" by take,
            }
            /// Lifts a ban.
            ///
            /// Refused with `FORBIDDEN` or `USER_NOT_FOUND`.
            UnbanUser unban_user = "UNBAN_USER", ServerAdmin -> Empty, {
                /// The user.
                username: Username = "username" by take,
            }, {}
            /// Sends an `ANNOUNCEMENT` notice to every online user.
            ///
            /// Refused with `FORBIDDEN`.
            Announce announce = "ANNOUNCE", ServerAdmin -> Empty, {
                /// The text; not empty, and within the server's limit for messages.
                text: MessageText = "text" by take,
            }, {}
            /// Returns the server's counters.
            ///
            /// Refused with `FORBIDDEN`.
            ServerStats server_stats = "SERVER_STATS", ServerAdmin -> command::ServerStats, {}, {}
        }
    };
}
