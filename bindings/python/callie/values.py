"""What calls take and give."""

from __future__ import annotations

from datetime import datetime
from typing import List, Optional

from .record import Record


class Group(Record):
    """A group that was made."""

    #: What messages to the group are sent to.
    group_id: str
    name: str
    members: List[str]
    #: Whether anyone can find and join it.
    public: bool = False


class GroupSummary(Record):
    """A group in a list."""

    group_id: str
    name: str
    member_count: int
    #: This user's: ``"member"``, ``"admin"`` or ``"owner"``; none in the list of public groups.
    role: Optional[str] = None


class GroupPage(Record):
    """One page of a list of groups."""

    groups: List[GroupSummary]
    #: To be given as ``after`` for the next page, where there is one.
    next: Optional[str]


class Member(Record):
    """One member of a group."""

    username: str
    #: ``"member"``, ``"admin"`` or ``"owner"``.
    role: str
    #: Whether they are connected, as far as their settings let this user know.
    online: bool


class GroupDetails(Record):
    """A group and one page of its members."""

    group_id: str
    name: str
    public: bool
    member_count: int
    members: List[Member]
    #: To be given as ``after`` for the next page, where there is one.
    next: Optional[str]


class Profile(Record):
    """What a user tells of themselves."""

    username: str
    #: What they are called; empty for nothing.
    display_name: str


class Settings(Record):
    """A user's settings."""

    #: What to be called; empty for nothing.
    display_name: str
    #: Who learns whether one is online: ``"everyone"``, ``"groups"`` or ``"nobody"``.
    presence: str
    #: Who may write directly: ``"everyone"`` or ``"groups"``.
    direct_messages: str


class BlockedPage(Record):
    """One page of those whom a user blocked."""

    usernames: List[str]
    #: To be given as ``after`` for the next page, where there is one.
    next: Optional[str]


class SessionInfo(Record):
    """One of a user's sessions."""

    #: What it is ended by.
    session_id: str
    #: What its login called the device.
    device: Optional[str]
    created_at: datetime
    last_seen_at: datetime
    #: When it ends if it is not used.
    expires_at: datetime
    #: Whether it is the session that asks.
    current: bool


class ServerStats(Record):
    """The server's figures. Counts are since it started."""

    uptime_seconds: int
    #: Authenticated connections now.
    connections: int
    #: Users with at least one of them.
    users_online: int
    payloads_received: int
    payloads_sent: int


class Statistics(Record):
    """What a client did so far, in numbers."""

    #: How often it came online.
    connects: int
    #: How often after the first time.
    reconnects: int
    payloads_sent: int
    payloads_received: int
    messages_sent: int
    messages_received: int
    #: Messages that came a second time and were not told again.
    duplicates: int
    #: Messages, pings and commands that are not over now.
    waiting: int
    bytes_sent: int
    bytes_received: int


class Limits(Record):
    """What the server allows."""

    max_payload_bytes: int
    #: In UTF-8.
    max_text_bytes: int
    max_attachments: int
    max_group_members: int
    #: On average; the client keeps to it by itself.
    messages_per_second: int
    #: At once.
    burst: int


class PayloadFault(Record):
    """The first fault of a text that is no valid payload."""

    #: For programs, such as ``"MISSING_FIELD"``.
    code: str
    #: Where: a JSON Pointer from the payload's root.
    path: str
    reason: str
