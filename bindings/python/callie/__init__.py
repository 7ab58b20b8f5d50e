"""Callie: real-time messaging.

    import asyncio, callie

    async def main():
        async with callie.Client("http://127.0.0.1:8080", "ada", "correct horse", register=True) as client:
            client.send("bob", "Hello, **Bob**")
            async for event in client:
                print(event)

    asyncio.run(main())

``callie.blocking.Client`` is the same without asyncio. Every error is a :class:`CallieError` with a stable ``code`` and a
``reason`` for people.
"""

from typing import TYPE_CHECKING, Any

from .client import Client, Ticket
from .enums import (
    AttachmentKind,
    ConnectionKind,
    DirectMessages,
    OutcomeKind,
    PresenceAudience,
    Role,
    Visibility,
)
from .errors import (
    BadAnswer,
    CallieError,
    ClosedError,
    Internal,
    InvalidArgument,
    QueueFull,
    Refused,
    StateError,
    TimedOut,
    Unreachable,
)
from .events import (
    Attachment,
    Closed,
    ConnectionChanged,
    ConnectionState,
    Deleted,
    DeliveredLate,
    Edited,
    Ended,
    Event,
    Message,
    Notice,
    SendOutcome,
    Signal,
    Unknown,
    Unreadable,
)
from .library import TRACE, check_payload, check_server_payload, set_logger, version
from .server import Credentials, Server
from .store import StateStore
from .values import (
    BlockedPage,
    Fault,
    Group,
    GroupDetails,
    GroupPage,
    GroupSummary,
    Limits,
    Member,
    Profile,
    ServerStats,
    SessionInfo,
    Settings,
    Stats,
)

if TYPE_CHECKING:
    from . import blocking as blocking, options as options

    __version__: str


def __getattr__(name: str) -> Any:
    # Imported when they are used.
    if name == "__version__":
        return version()
    if name in ("blocking", "options"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Attachment",
    "AttachmentKind",
    "BadAnswer",
    "BlockedPage",
    "CallieError",
    "check_payload",
    "check_server_payload",
    "Client",
    "Closed",
    "ClosedError",
    "ConnectionChanged",
    "ConnectionKind",
    "ConnectionState",
    "Credentials",
    "Deleted",
    "DeliveredLate",
    "DirectMessages",
    "Edited",
    "Ended",
    "Event",
    "Fault",
    "Group",
    "GroupDetails",
    "GroupPage",
    "GroupSummary",
    "Internal",
    "InvalidArgument",
    "Limits",
    "Member",
    "Message",
    "Notice",
    "OutcomeKind",
    "PresenceAudience",
    "Profile",
    "QueueFull",
    "Refused",
    "Role",
    "SendOutcome",
    "Server",
    "ServerStats",
    "SessionInfo",
    "set_logger",
    "Settings",
    "Signal",
    "StateError",
    "StateStore",
    "Stats",
    "Ticket",
    "TimedOut",
    "TRACE",
    "Unknown",
    "Unreachable",
    "Unreadable",
    "version",
    "Visibility",
]
