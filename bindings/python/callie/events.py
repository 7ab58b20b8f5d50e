"""Events, and the values that they consist of."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Optional, Union

from . import _native, jsontext
from .enums import AttachmentKind, ConnectionKind, OutcomeKind
from .errors import invalid, text
from .record import Record, of

# Faster than to call the enum.
_ATTACHMENT_KINDS = {kind.value: kind for kind in AttachmentKind}
_OUTCOME_KINDS = {kind.value: kind for kind in OutcomeKind}
_CONNECTION_KINDS = {kind.value: kind for kind in ConnectionKind}


class Attachment(Record):
    """A file that a message refers to by its URL. Callie servers do not store files."""

    #: An :class:`AttachmentKind`, or its text when sending.
    kind: Union[AttachmentKind, str]
    url: str
    filename: Optional[str] = None
    #: In bytes.
    size: Optional[int] = None
    #: A MIME type, such as ``"image/png"``.
    filetype: Optional[str] = None
    #: All of the attachment's metadata. When sending, the three fields above take precedence.
    metadata: Dict[str, Any] = {}

    def _to_native(self) -> _native.Attachment:
        if not isinstance(self.kind, str) or self.kind not in _ATTACHMENT_KINDS:
            raise invalid(f"an attachment's kind must be one of {', '.join(_ATTACHMENT_KINDS)}")
        size = self.size
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**53):
            raise invalid("an attachment's size must be a whole number of bytes below 2**53")
        metadata = self.metadata
        return _native.Attachment(
            kind=_native.AttachmentKind[self.kind.upper()],
            url=text(self.url, "an attachment's url"),
            filename=None if self.filename is None else text(self.filename, "an attachment's filename"),
            size=size,
            filetype=None if self.filetype is None else text(self.filetype, "an attachment's filetype"),
            metadata=None if metadata == {} else jsontext.write_object(metadata, "an attachment's metadata"),
        )


class Message(Record):
    """A chat message."""

    sender: str
    #: This user, a group ID or ``"BROADCAST"``.
    recipient: str
    #: In Markdown.
    text: str
    attachments: List[Attachment]
    #: The sender's claim.
    sent_at: datetime
    #: What edits and deletions refer to.
    message_id: str
    payload_id: str
    #: Added by the sender. The protocol reserves the keys ``ack`` and ``inReplyTo``.
    metadata: Dict[str, Any]


class SendOutcome(Record):
    """How the sending of a message ended."""

    kind: OutcomeKind
    #: Only of ``DELIVERED``: the number of recipients whose client confirmed the message. ``None`` if the server's answer was
    #: lost with a connection.
    confirmed: Optional[int] = None
    #: Only of ``DELIVERED``: the number of online recipients whose client did not confirm it, or ``None``.
    unconfirmed: Optional[int] = None
    #: Only of ``DELIVERED``: the number of offline members of the group, or ``None``.
    offline: Optional[int] = None
    #: Only of ``DELIVERED``: the number of offline members for whom the server keeps the message, or ``None``.
    stored: Optional[int] = None
    #: Only of ``FAILED``: the server's code, such as ``"RECIPIENT_UNKNOWN"``, or ``"EXPIRED"`` or ``"DISCONNECTED"``.
    code: str = ""
    #: Only of ``FAILED``: the reason, for people.
    reason: str = ""
    #: Only of ``FAILED``: the place of the fault in the payload, a JSON Pointer; empty if the whole payload is meant.
    path: str = ""


class Ended(Record):
    """The sending of a message ended. Every message has one such event."""

    #: The :attr:`Ticket.number` of the message.
    ticket: int
    message_id: str
    outcome: SendOutcome


class ConnectionState(Record):
    """The state of the connection."""

    kind: ConnectionKind
    #: Only of ``WAITING``: the time until the next attempt.
    retry_in: Optional[timedelta] = None
    #: Only of ``WAITING``: the close code of the last connection; 1006 if it was lost without one or never opened.
    close_code: Optional[int] = None
    #: Only of ``WAITING``: why the client is not connected, for people.
    reason: Optional[str] = None
    #: Only of ``ONLINE``: when the session ends if it is not used.
    expires_at: Optional[datetime] = None
    #: Only of ``ONLINE``: whether the connection continues the one before, so that nothing is missing. Otherwise payloads may
    #: be missing that were sent to the user since the last connection was lost.
    resumed: Optional[bool] = None


class ConnectionChanged(Record):
    """The state of the connection changed. The end of the client is reported by :class:`Closed` alone."""

    state: ConnectionState


class DeliveredLate(Record):
    """A message that the server had kept was delivered, and confirmed by its recipient. For a message to a group, each member
    for whom it was kept confirms it."""

    payload_id: str
    message_id: str


class Notice(Record):
    """A notice from the server that is not the outcome of a send: a user came online, a group changed."""

    #: For programs, such as ``"USER_JOINED"``.
    code: str
    #: For people.
    description: str
    #: The payload that the notice is about, if any.
    in_reply_to: Optional[str]
    sent_at: datetime
    #: All metadata of the notice; which members there are depends on the code.
    metadata: Dict[str, Any]
    username: Optional[str] = None
    group_id: Optional[str] = None
    message_id: Optional[str] = None


class Edited(Record):
    """The author of a message replaced its text."""

    message_id: str
    sender: str
    recipient: str
    text: str


class Deleted(Record):
    """A message was deleted. A program that does not know the message ignores the event."""

    message_id: str
    sender: str
    recipient: str
    deleted_by: str


class Signal(Record):
    """A short-lived signal, such as a typing indicator."""

    sender: str
    recipient: str
    #: ``"typing"``, ``"read"`` or another name.
    kind: str
    #: A JSON value that belongs to it; ``None`` if there is none.
    data: Any = None


class Unknown(Record):
    """A SYS or CMD payload of a later version of the protocol."""

    payload: Dict[str, Any]


class Unreadable(Record):
    """The server sent a text that is not a valid payload. It was ignored."""

    code: str
    path: str
    reason: str


class Closed(Record):
    """The client has ended. This is always the last event."""

    #: The WebSocket close code; 1000 after ``disconnect()``.
    close_code: int
    #: The reason, for programs: the server's code, such as ``"SESSION_REVOKED"``, or ``"DISCONNECTED"`` or ``"CLOSED"``.
    code: str
    reason: str


Event = Union[
    Message, Ended, ConnectionChanged, DeliveredLate, Notice, Edited, Deleted, Signal, Unknown, Unreadable, Closed
]


def outcome(native: Any) -> SendOutcome:
    """The outcome of a send, from the one of the native library."""
    if native.is_DELIVERED():
        return SendOutcome(OutcomeKind.DELIVERED, native.confirmed, native.unconfirmed, native.offline, native.stored)
    if native.is_FAILED():
        failure = native[0]
        return SendOutcome(OutcomeKind.FAILED, code=failure.code, reason=failure.reason, path=failure.path)
    if native.is_SENT():
        return SendOutcome(OutcomeKind.SENT)
    if native.is_STORED():
        return SendOutcome(OutcomeKind.STORED)
    if native.is_PENDING():
        return SendOutcome(OutcomeKind.PENDING)
    return SendOutcome(OutcomeKind.OFFLINE if native.is_OFFLINE() else OutcomeKind.UNCONFIRMED)


def connection_state(state: Any) -> ConnectionState:
    """The state of a connection, from the one of the native library."""
    if state.is_ONLINE():
        return ConnectionState(ConnectionKind.ONLINE, expires_at=state.expires_at, resumed=state.resumed)
    if state.is_WAITING():
        return ConnectionState(ConnectionKind.WAITING, state.retry_in, state.close_code, state.reason)
    if state.is_CLOSED():
        return ConnectionState(ConnectionKind.CLOSED)
    return ConnectionState(ConnectionKind.CONNECTING if state.is_CONNECTING() else ConnectionKind.SUSPENDED)


# The members of an event's JSON object become the event's fields: the names are the same, except where the type differs.
# Each function owns the dict that it is given.


def _message(said: Dict[str, Any]) -> Message:
    said["sent_at"] = instant(said["sent_at"])
    if said["attachments"]:
        said["attachments"] = [_attachment(file) for file in said["attachments"]]
    return of(Message, said)


def _attachment(said: Dict[str, Any]) -> Attachment:
    metadata = said.get("metadata", {})
    filename, size, filetype = metadata.get("filename"), metadata.get("size"), metadata.get("filetype")
    return Attachment(_ATTACHMENT_KINDS[said["type"]], said["url"], filename, size, filetype, metadata)


def _ended(said: Dict[str, Any]) -> Ended:
    ended = said["outcome"]
    said["outcome"] = SendOutcome(_OUTCOME_KINDS[ended.pop("kind")], **ended)
    return of(Ended, said)


def _connection_changed(said: Dict[str, Any]) -> ConnectionChanged:
    expires, wait = said.get("expires_at"), said.get("retry_in")
    return ConnectionChanged(
        ConnectionState(
            _CONNECTION_KINDS[said["state"]],
            None if wait is None else timedelta(seconds=wait["secs"], microseconds=wait["nanos"] // 1000),
            said.get("close_code"),
            said.get("reason"),
            None if expires is None else instant(expires),
            said.get("resumed"),
        )
    )


def _notice(said: Dict[str, Any]) -> Notice:
    metadata = said["metadata"]
    return Notice(
        said["code"],
        said["description"],
        metadata.get("inReplyTo"),
        instant(said["timestamp"]),
        metadata,
        metadata.get("username"),
        metadata.get("groupID"),
        metadata.get("messageID"),
    )


_SHOWN: Dict[str, Callable[[Dict[str, Any]], Event]] = {
    "message": _message,
    "ended": _ended,
    "connection_changed": _connection_changed,
    "delivered_late": lambda said: of(DeliveredLate, said),
    "notice": _notice,
    "edited": lambda said: of(Edited, said),
    "deleted": lambda said: of(Deleted, said),
    "signal": lambda said: of(Signal, said),
    "unknown": Unknown,
    "unreadable": lambda said: of(Unreadable, said),
    "closed": lambda said: of(Closed, said),
}


def from_batch(batch: str) -> List[Event]:
    """The events of a batch, which is a JSON text."""
    return from_json(jsontext.read(batch))


def from_json(batch: List[Dict[str, Any]]) -> List[Event]:
    """The events of a batch whose JSON was read."""
    return [_SHOWN[said.pop("event")](said) for said in batch]


def instant(written: str) -> datetime:
    """A timestamp of the protocol, such as ``2026-01-02T03:04:05.678Z``, as a point in time."""
    try:
        # Python 3.9 and 3.10 do not read the Z.
        return datetime.fromisoformat(written[:-1] + "+00:00")
    except ValueError:
        # The protocol has a year 0000, which datetime does not have.
        return datetime.min.replace(tzinfo=timezone.utc)
