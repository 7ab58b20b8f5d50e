"""Callie: real-time messaging.

    import asyncio, callie

    async def main():
        async with callie.Client("http://127.0.0.1:8080", "ada", "correct horse", register=True) as client:
            await client.send("bob", "Hello, **Bob**")
            async for event in client:
                print(event)

    asyncio.run(main())

``callie.blocking.Client`` is the same without asyncio. Every error is a :class:`CallieError` with a stable ``code`` and a
``reason`` for people.
"""

from .client import Client, Group, GroupPage, GroupSummary, Sent
from .errors import (
    BadAnswer,
    CallieError,
    ConnectionClosed,
    Internal,
    InvalidArgument,
    Refused,
    TimedOut,
    Unreachable,
)
from .events import Attachment, Closed, Command, Event, Message, Notice, Unreadable

__all__ = [
    "Attachment",
    "BadAnswer",
    "CallieError",
    "Client",
    "Closed",
    "Command",
    "ConnectionClosed",
    "Event",
    "Group",
    "GroupPage",
    "GroupSummary",
    "Internal",
    "InvalidArgument",
    "Message",
    "Notice",
    "Refused",
    "Sent",
    "TimedOut",
    "Unreachable",
    "Unreadable",
]
