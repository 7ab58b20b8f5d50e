"""What arrives."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Union

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
class Notice:
    """A notice of the server: what became of a message, who came and went, and codes of later versions."""

    #: For programs, such as ``"RECIPIENT_OFFLINE"``.
    code: str
    #: For people.
    description: str
    #: The ``payload_id`` that it is about, where it is about one.
    in_reply_to: Optional[str]
    sent_at: datetime
    #: The members that go with the code.
    metadata: Dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A command of the server: a message was edited or deleted, somebody is typing."""

    #: Such as ``"EDIT_MESSAGE"``.
    command: str
    parameters: Dict[str, Any]
    sent_at: datetime


@dataclass(frozen=True)
class Unreadable:
    """The server sent what is not a valid payload; nothing acted on it."""

    code: str
    reason: str


@dataclass(frozen=True)
class Closed:
    """The last event: the connection is gone."""

    #: The WebSocket close code; 1000 when the application asked for it, 1006 when the link was lost without a close.
    close_code: int
    reason: str
    #: Whether it is worth to connect again, after a while, without asking anybody.
    comes_back: bool


Event = Union[Message, Notice, Command, Unreadable, Closed]


def from_native(event: Any) -> Event:
    """The event as this package shows it."""
    if event.is_MESSAGE():
        return Message(
            event.sender,
            event.recipient,
            event.text,
            [Attachment._from_native(a) for a in event.attachments],
            _instant(event.timestamp_ms),
            event.message_id,
            event.payload_id,
            _object(event.metadata),
        )
    if event.is_NOTICE():
        return Notice(
            event.code, event.description, event.in_reply_to, _instant(event.timestamp_ms), _object(event.metadata)
        )
    if event.is_COMMAND():
        return Command(event.command, _object(event.parameters), _instant(event.timestamp_ms))
    if event.is_UNREADABLE():
        return Unreadable(event.code, event.reason)
    return Closed(event.close_code, event.reason, event.comes_back)


def to_json(value: Any, name: str) -> str:
    """A JSON object as text."""
    if not isinstance(value, dict):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a dict, not {type(value).__name__}")
    try:
        return text(json.dumps(value, ensure_ascii=False, allow_nan=False), name)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be JSON: {error}") from None


def _instant(milliseconds: int) -> datetime:
    # The protocol has a year 0000 and Python has none.
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)


def _object(text: str) -> Dict[str, Any]:
    return {} if text == "{}" else json.loads(text)
