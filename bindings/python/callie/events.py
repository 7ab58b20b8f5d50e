"""What arrives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Optional, Union

from . import _native
from .errors import InvalidArgument, text

_KINDS = {
    "image": _native.AttachmentKind.IMAGE,
    "video": _native.AttachmentKind.VIDEO,
    "file": _native.AttachmentKind.FILE,
}
_KIND_NAMES = {kind: name for name, kind in _KINDS.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message, by its URL: servers of Callie neither take nor give files."""

    #: ``"image"``, ``"video"`` or ``"file"``.
    kind: str
    url: str
    filename: Optional[str] = None
    #: In bytes.
    size: Optional[int] = None
    #: A MIME type, such as ``"image/png"``.
    filetype: Optional[str] = None
    #: All of its metadata; when sending, the three fields above go on top of it.
    metadata: Dict[str, Any] = field(default_factory=dict)

    def _to_native(self) -> _native.Attachment:
        if self.kind not in _KINDS:
            raise InvalidArgument("INVALID_ARGUMENT", "an attachment's kind must be image, video or file")
        if self.size is not None and (not isinstance(self.size, int) or not 0 <= self.size < 2**53):
            raise InvalidArgument("INVALID_ARGUMENT", "an attachment's size must be a whole number of bytes below 2**53")
        return _native.Attachment(
            kind=_KINDS[self.kind],
            url=text(self.url, "an attachment's url"),
            filename=None if self.filename is None else text(self.filename, "an attachment's filename"),
            size=self.size,
            filetype=None if self.filetype is None else text(self.filetype, "an attachment's filetype"),
            metadata=to_json(self.metadata, "an attachment's metadata") if self.metadata else None,
        )

    @staticmethod
    def _from_native(native: _native.Attachment) -> "Attachment":
        return Attachment(
            _KIND_NAMES[native.kind],
            native.url,
            native.filename,
            native.size,
            native.filetype,
            json.loads(native.metadata) if native.metadata else {},
        )


@dataclass(frozen=True)
class Message:
    """A chat message."""

    sender: str
    #: This user, a group's ID or ``"BROADCAST"``.
    recipient: str
    #: In Markdown.
    text: str
    attachments: List[Attachment]
    #: When the sender says it was sent.
    sent_at: datetime
    #: Edits and deletions name it.
    message_id: str
    payload_id: str
    #: Extensions of the sender.
    metadata: Dict[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a message is over."""

    #: ``"delivered"``, ``"sent"``, ``"offline"``, ``"failed"`` or ``"unconfirmed"``.
    kind: str
    #: How many confirmed it.
    confirmed: int = 0
    #: How many were sent it and did not.
    unconfirmed: int = 0
    #: How many were offline.
    offline: int = 0
    #: Why it failed, for programs: the server's code, such as ``"RECIPIENT_UNKNOWN"``, else ``"EXPIRED"`` or
    #: ``"DISCONNECTED"``.
    code: str = ""
    #: Why it failed, for people.
    reason: str = ""
    #: Where in the payload the fault is, a JSON Pointer.
    path: str = ""


@dataclass(frozen=True)
class Ended:
    """A message that was sent is over: told once for each."""

    ticket: int
    message_id: str
    ending: Ending


@dataclass(frozen=True)
class Connection:
    """The connection changed."""

    #: ``"suspended"``, ``"connecting"``, ``"online"`` or ``"waiting"``.
    state: str
    #: While it waits: seconds until the next attempt.
    retry_in: Optional[float] = None
    #: While it waits: the close code of the last connection.
    close_code: Optional[int] = None
    #: While it waits: why.
    reason: Optional[str] = None
    #: While it is online: when the session ends if it is not used.
    expires_at: Optional[datetime] = None


@dataclass(frozen=True)
class Notice:
    """A notice of the server that ends nothing that was sent: who came and went, that a group changed."""

    #: For programs, such as ``"USER_JOINED"``.
    code: str
    #: For people.
    description: str
    #: The payload that it is about, where it is about one.
    in_reply_to: Optional[str]
    sent_at: datetime
    #: The members that go with the code.
    metadata: Dict[str, Any]
    username: Optional[str] = None
    group_id: Optional[str] = None
    message_id: Optional[str] = None


@dataclass(frozen=True)
class Edited:
    """A message that somebody sent has another text now."""

    message_id: str
    sender: str
    recipient: str
    text: str


@dataclass(frozen=True)
class Deleted:
    """A message is to be dropped."""

    message_id: str
    sender: str
    recipient: str
    deleted_by: str


@dataclass(frozen=True)
class Signal:
    """Somebody says something fleeting, such as ``"typing"``."""

    sender: str
    recipient: str
    kind: str
    #: What goes with it.
    data: Any = None


@dataclass(frozen=True)
class Unknown:
    """A SYS or CMD of the server that this version does not know."""

    payload: Dict[str, Any]


@dataclass(frozen=True)
class Unreadable:
    """The server sent what is not a valid payload; nothing acted on it."""

    code: str
    path: str
    reason: str


@dataclass(frozen=True)
class Closed:
    """The last event: the client has ended."""

    #: The WebSocket close code; 1000 when the application asked for the end.
    close_code: int
    #: Why, for programs: what the server said, such as ``"SESSION_REVOKED"``, else ``"DISCONNECTED"`` or ``"CLOSED"``.
    code: str
    reason: str


Event = Union[Message, Ended, Connection, Notice, Edited, Deleted, Signal, Unknown, Unreadable, Closed]


def _message(event: Any) -> Message:
    return Message(
        event.sender,
        event.recipient,
        event.text,
        [Attachment._from_native(a) for a in event.attachments],
        instant(event.timestamp_ms),
        event.message_id,
        event.payload_id,
        _object(event.metadata),
    )


def _notice(event: Any) -> Notice:
    return Notice(
        event.code,
        event.description,
        event.in_reply_to,
        instant(event.timestamp_ms),
        _object(event.metadata),
        event.username,
        event.group_id,
        event.message_id,
    )


def ending(native: Any) -> Ending:
    """How a message is over, as this package shows it."""
    if native.is_DELIVERED():
        return Ending("delivered", native.confirmed, native.unconfirmed, native.offline)
    if native.is_FAILED():
        return Ending("failed", code=native.code, reason=native.reason, path=native.path)
    return Ending("sent" if native.is_SENT() else "offline" if native.is_OFFLINE() else "unconfirmed")


def connection(state: Any) -> Connection:
    """How a client stands to its server, as this package shows it."""
    if state.is_ONLINE():
        expires = None if state.expires_at_ms is None else instant(state.expires_at_ms)
        return Connection("online", expires_at=expires)
    if state.is_WAITING():
        return Connection("waiting", state.retry_in_ms / 1000, state.close_code, state.reason)
    if state.is_CLOSED():
        return Connection("closed")
    return Connection("connecting" if state.is_CONNECTING() else "suspended")


_SHOWN: Dict[Any, Callable[[Any], Event]] = {
    _native.Event.MESSAGE: _message,
    _native.Event.ENDED: lambda e: Ended(e.ticket, e.message_id, ending(e.ending)),
    _native.Event.CONNECTION: lambda e: connection(e.state),
    _native.Event.NOTICE: _notice,
    _native.Event.EDITED: lambda e: Edited(e.message_id, e.sender, e.recipient, e.text),
    _native.Event.DELETED: lambda e: Deleted(e.message_id, e.sender, e.recipient, e.deleted_by),
    _native.Event.SIGNAL: lambda e: Signal(
        e.sender, e.recipient, e.kind, None if e.data is None else json.loads(e.data)
    ),
    _native.Event.UNKNOWN: lambda e: Unknown(json.loads(e.payload)),
    _native.Event.UNREADABLE: lambda e: Unreadable(e.code, e.path, e.reason),
    _native.Event.CLOSED: lambda e: Closed(e.close_code, e.code, e.reason),
}


def from_native(event: Any) -> Event:
    """The event as this package shows it."""
    return _SHOWN[type(event)](event)


def to_json(value: Any, name: str) -> str:
    """A JSON object as text."""
    if not isinstance(value, dict):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a dict, not {type(value).__name__}")
    return any_json(value, name)


def any_json(value: Any, name: str) -> str:
    """JSON of any kind as text."""
    try:
        return text(json.dumps(value, ensure_ascii=False, allow_nan=False), name)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be JSON: {error}") from None


def instant(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an instant."""
    # The protocol has a year 0000 and Python has none.
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _object(text: str) -> Dict[str, Any]:
    return {} if text == "{}" else json.loads(text)
