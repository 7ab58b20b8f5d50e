"""Callie: real-time messaging.

    import asyncio, callie

    async def main():
        async with callie.Client("http://127.0.0.1:8080", "ada", "correct horse", register=True) as client:
            print(await client.send("bob", "Hello, **Bob**"))
            async for event in client:
                print(event)

    asyncio.run(main())

``callie.blocking.Client`` is the same without asyncio. Every error is a :class:`CallieError` with a stable ``code`` and a
``reason`` for people.
"""

from .client import Client, Group, GroupPage, GroupSummary, Statistics, Ticket
from .errors import (
    BadAnswer,
    CallieError,
    ConnectionClosed,
    Internal,
    InvalidArgument,
    QueueFull,
    Refused,
    TimedOut,
    Unreachable,
)
from .events import (
    Attachment,
    Closed,
    Connection,
    Deleted,
    Edited,
    Ended,
    Ending,
    Event,
    Message,
    Notice,
    Signal,
    Unknown,
    Unreadable,
)

__all__ = [
    "Attachment",
    "BadAnswer",
    "CallieError",
    "Client",
    "Closed",
    "Connection",
    "ConnectionClosed",
    "Deleted",
    "Edited",
    "Ended",
    "Ending",
    "Event",
    "Group",
    "GroupPage",
    "GroupSummary",
    "Internal",
    "InvalidArgument",
    "Message",
    "Notice",
    "QueueFull",
    "Refused",
    "Signal",
    "Statistics",
    "Ticket",
    "TimedOut",
    "Unknown",
    "Unreachable",
    "Unreadable",
]
