"""What arrives."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Literal, Optional, Union

from . import _native, jsontext
from .errors import invalid, text
from .record import Record, of

_KINDS = {
    "image": _native.AttachmentKind.IMAGE,
    "video": _native.AttachmentKind.VIDEO,
    "file": _native.AttachmentKind.FILE,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Attachment(Record):
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
    metadata: Dict[str, Any] = {}

    def _to_native(self) -> _native.Attachment:
        if not isinstance(self.kind, str) or self.kind not in _KINDS:
            raise invalid(f"an attachment's kind must be one of {', '.join(_KINDS)}")
        size = self.size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**53):
            raise invalid("an attachment's size must be a whole number of bytes below 2**53")
        metadata = self.metadata
        return _native.Attachment(
            kind=_KINDS[self.kind],
            url=text(self.url, "an attachment's url"),
            filename=None if self.filename is None else text(self.filename, "an attachment's filename"),
            size=size,
            filetype=None if self.filetype is None else text(self.filetype, "an attachment's filetype"),
            metadata=None if metadata == {} else jsontext.write_object(metadata, "an attachment's metadata"),
        )


class Message(Record):
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


class Ending(Record):
    """How a message is over."""

    #: ``"delivered"``, ``"sent"``, ``"offline"``, ``"failed"`` or ``"unconfirmed"``.
    kind: str
    #: How many confirmed it; ``None`` where the server's answer was lost with a connection.
    confirmed: Optional[int] = 0
    #: How many were sent it and did not.
    unconfirmed: Optional[int] = 0
    #: How many were offline.
    offline: Optional[int] = 0
    #: Why it failed, for programs: the server's code, such as ``"RECIPIENT_UNKNOWN"``, else ``"EXPIRED"`` or
    #: ``"DISCONNECTED"``.
    code: str = ""
    #: Why it failed, for people.
    reason: str = ""
    #: Where in the payload the fault is, a JSON Pointer.
    path: str = ""


class Ended(Record):
    """A message that was sent is over: told once for each."""

    ticket: int
    message_id: str
    ending: Ending


class Connection(Record):
    """The connection changed."""

    #: ``"closed"`` is never told by an event, as :class:`Closed` is: only ``Client.state`` says so.
    state: Literal["suspended", "connecting", "online", "waiting", "closed"]
    #: While it waits: seconds until the next attempt.
    retry_in: Optional[float] = None
    #: While it waits: the close code of the last connection.
    close_code: Optional[int] = None
    #: While it waits: why.
    reason: Optional[str] = None
    #: While it is online: when the session ends if it is not used.
    expires_at: Optional[datetime] = None


class Notice(Record):
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


class Edited(Record):
    """A message that somebody sent has another text now."""

    message_id: str
    sender: str
    recipient: str
    text: str


class Deleted(Record):
    """A message is to be dropped."""

    message_id: str
    sender: str
    recipient: str
    deleted_by: str


class Signal(Record):
    """Somebody says something fleeting, such as ``"typing"``."""

    sender: str
    recipient: str
    kind: str
    #: What goes with it.
    data: Any = None


class Unknown(Record):
    """A SYS or CMD of the server that this version does not know."""

    payload: Dict[str, Any]


class Unreadable(Record):
    """The server sent what is not a valid payload; nothing acted on it."""

    code: str
    path: str
    reason: str


class Closed(Record):
    """The last event: the client has ended."""

    #: The WebSocket close code; 1000 when the application asked for the end.
    close_code: int
    #: Why, for programs: what the server said, such as ``"SESSION_REVOKED"``, else ``"DISCONNECTED"`` or ``"CLOSED"``.
    code: str
    reason: str


Event = Union[Message, Ended, Connection, Notice, Edited, Deleted, Signal, Unknown, Unreadable, Closed]


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


# What the library says of an event becomes the event's fields: the names are the same but for what has another type here.
# Each of these is handed all members of one JSON object, which is nobody else's.


def _message(said: Dict[str, Any]) -> Message:
    said["sent_at"] = instant(said.pop("timestamp_ms"))
    said["metadata"] = jsontext.read_object(said["metadata"])
    if said["attachments"]:
        said["attachments"] = [_attachment(file) for file in said["attachments"]]
    return of(Message, said)


def _attachment(said: Dict[str, Any]) -> Attachment:
    said["metadata"] = jsontext.read_object(said["metadata"] or "{}")
    return of(Attachment, said)


def _ended(said: Dict[str, Any]) -> Ended:
    said["ending"] = Ending(**said["ending"])
    return of(Ended, said)


def _connection(said: Dict[str, Any]) -> Connection:
    state = said["state"]
    expires, wait = state.get("expires_at_ms"), state.get("retry_in_ms")
    return Connection(
        state["state"],
        None if wait is None else wait / 1000,
        state.get("close_code"),
        state.get("reason"),
        None if expires is None else instant(expires),
    )


def _notice(said: Dict[str, Any]) -> Notice:
    said["sent_at"] = instant(said.pop("timestamp_ms"))
    said["metadata"] = jsontext.read_object(said["metadata"])
    return of(Notice, said)


def _signal(said: Dict[str, Any]) -> Signal:
    if said["data"] is not None:
        said["data"] = jsontext.read(said["data"])
    return of(Signal, said)


_SHOWN: Dict[str, Callable[[Dict[str, Any]], Event]] = {
    "message": _message,
    "ended": _ended,
    "connection": _connection,
    "notice": _notice,
    "edited": lambda said: of(Edited, said),
    "deleted": lambda said: of(Deleted, said),
    "signal": _signal,
    "unknown": lambda said: Unknown(jsontext.read_object(said["payload"])),
    "unreadable": lambda said: of(Unreadable, said),
    "closed": lambda said: of(Closed, said),
}


def from_batch(batch: str) -> List[Event]:
    """The events of one batch, as this package shows them."""
    return from_json(json.loads(batch))


def from_json(batch: List[Dict[str, Any]]) -> List[Event]:
    """The same, from what was read of the batch."""
    return [_SHOWN[said.pop("event")](said) for said in batch]


def instant(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an instant."""
    # The protocol has a year 0000 and Python has none.
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)
