"""What calls take and return."""

from __future__ import annotations

from datetime import datetime
from typing import List, Optional

from .enums import DirectMessages, PresenceAudience, Role, Visibility
from .record import Record


class Group(Record):
    """A group that was created."""

    #: The recipient of messages to the group.
    group_id: str
    name: str
    members: List[str]
    visibility: Visibility = Visibility.PRIVATE


class GroupSummary(Record):
    """A group in a list."""

    group_id: str
    name: str
    member_count: int
    #: This user's role; ``None`` in the list of public groups.
    role: Optional[Role] = None


class GroupPage(Record):
    """One page of a list of groups."""

    groups: List[GroupSummary]
    #: The ``after`` of the next page; ``None`` on the last page.
    next: Optional[str]


class Member(Record):
    """One member of a group."""

    username: str
    role: Role
    #: Whether the member is online, as far as their settings let this user see it.
    online: bool


class GroupDetails(Record):
    """A group and one page of its members."""

    group_id: str
    name: str
    visibility: Visibility
    member_count: int
    members: List[Member]
    #: The ``after`` of the next page; ``None`` on the last page.
    next: Optional[str]


class Profile(Record):
    """A user's public profile."""

    username: str
    #: Empty if the user has none.
    display_name: str


class Settings(Record):
    """A user's settings."""

    #: Empty for none.
    display_name: str
    #: Who can see whether the user is online.
    presence: PresenceAudience
    #: Who can send the user direct messages.
    direct_messages: DirectMessages


class BlockedPage(Record):
    """One page of the users whom a user has blocked."""

    usernames: List[str]
    #: The ``after`` of the next page; ``None`` on the last page.
    next: Optional[str]


class SessionInfo(Record):
    """One of a user's sessions."""

    #: What ``revoke_session`` takes.
    session_id: str
    #: The name that the login gave the device.
    device: Optional[str]
    created_at: datetime
    last_seen_at: datetime
    #: When the session ends if it is not used.
    expires_at: datetime
    #: Whether it is the session of the caller.
    current: bool


class ServerStats(Record):
    """The server's counters. They count from its start."""

    uptime_seconds: int
    #: Authenticated connections now.
    connections: int
    #: Users with at least one connection now.
    users_online: int
    payloads_received: int
    payloads_sent: int


class Stats(Record):
    """Traffic counters since the client was created."""

    #: Successful connections.
    connects: int
    #: Successful connections after the first.
    reconnects: int
    #: Of these, the connections that continued the one before, so that nothing is missing.
    resumed: int
    payloads_sent: int
    payloads_received: int
    #: Messages accepted for sending.
    messages_sent: int
    #: Messages delivered to the application.
    messages_received: int
    #: Messages that arrived again and were dropped.
    duplicates: int
    #: Messages, pings and commands that have no outcome yet.
    waiting: int
    bytes_sent: int
    bytes_received: int


class Limits(Record):
    """The server's limits."""

    max_payload_bytes: int
    #: In UTF-8.
    max_text_bytes: int
    max_attachments: int
    max_group_members: int
    #: The average rate per user. The client keeps to it.
    messages_per_second: int
    #: The number of messages that a user may send at once.
    burst: int
    #: The average rate of messages to ``"BROADCAST"`` per user. The client keeps to it.
    broadcasts_per_minute: int
    #: The number of messages to ``"BROADCAST"`` that a user may send at once.
    broadcast_burst: int


class Fault(Record):
    """The first fault of a text that is not a valid payload."""

    #: For programs, such as ``"MISSING_FIELD"``.
    code: str
    #: The place of the fault, a JSON Pointer from the payload's root.
    path: str
    reason: str


__all__ = [
    "BlockedPage",
    "DirectMessages",
    "Fault",
    "Group",
    "GroupDetails",
    "GroupPage",
    "GroupSummary",
    "Limits",
    "Member",
    "PresenceAudience",
    "Profile",
    "Role",
    "ServerStats",
    "SessionInfo",
    "Settings",
    "Stats",
    "Visibility",
]
