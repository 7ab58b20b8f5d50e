"""The enums of this package."""

from __future__ import annotations

from enum import Enum


class StrEnum(str, Enum):
    """An enum whose members are strings: ``Role.ADMIN == "admin"``. Python has one of its own from 3.11 on."""

    __str__ = str.__str__
    __format__ = str.__format__


class Role(StrEnum):
    """The role of a member in a group."""

    #: Reads and writes.
    MEMBER = "member"
    #: Also adds and removes members, and renames the group.
    ADMIN = "admin"
    #: Also changes roles, hands the group over and deletes it. A group has one owner.
    OWNER = "owner"


class Visibility(StrEnum):
    """Who can find and join a group."""

    #: Only users who are added.
    PRIVATE = "private"
    #: Everyone.
    PUBLIC = "public"


class PresenceAudience(StrEnum):
    """Who can see whether a user is online."""

    EVERYONE = "everyone"
    #: Users who share a group with the user.
    GROUPS = "groups"
    NOBODY = "nobody"


class DirectMessages(StrEnum):
    """Who can send a user direct messages."""

    EVERYONE = "everyone"
    #: Users who share a group with the user.
    GROUPS = "groups"


class AttachmentKind(StrEnum):
    """The kind of file that an attachment is."""

    IMAGE = "image"
    VIDEO = "video"
    FILE = "file"


class OutcomeKind(StrEnum):
    """How the sending of a message ended."""

    #: The recipient's client confirmed it; for a group, at least one member's did.
    DELIVERED = "delivered"
    #: The recipient, or every other member of the group, is offline: the server keeps it, and delivers it later if the
    #: recipient takes messages from this user. :class:`DeliveredLate` reports that.
    STORED = "stored"
    #: The server accepted it; no confirmation was requested.
    SENT = "sent"
    #: The recipient, or every other member of the group, is offline: it did not arrive.
    OFFLINE = "offline"
    #: It did not arrive, for the reason that the outcome states.
    FAILED = "failed"
    #: It was sent; whether it arrived is unknown.
    UNCONFIRMED = "unconfirmed"
    #: It has no outcome yet: the client has ended, and its state keeps the message. The next client with this state continues
    #: with it, and reports its outcome.
    PENDING = "pending"


class ConnectionKind(StrEnum):
    """The state of a connection."""

    #: Not connected, and not trying to connect.
    SUSPENDED = "suspended"
    #: Opening a connection or authenticating on it.
    CONNECTING = "connecting"
    #: Connected and authenticated.
    ONLINE = "online"
    #: Not connected; the client will try again.
    WAITING = "waiting"
    #: The client has ended.
    CLOSED = "closed"
