"""The client without asyncio: the same calls, which wait for their result.

    from callie.blocking import Client

    with Client("http://127.0.0.1:8080", "ada", "correct horse", register=True) as client:
        client.send("bob", "Hello, **Bob**")
        for event in client:
            print(event)
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Coroutine, Dict, Iterable, Iterator, List, Optional, Type, TypeVar

from . import client
from .client import Group, GroupPage, Statistics, Ticket as AsyncTicket
from .events import Attachment, Connection, Ending, Event

__all__ = ["Client", "Ticket"]

T = TypeVar("T")


class _Loop:
    """The one event loop behind all blocking clients of the process, on a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="callie", daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # An interrupt of the waiting thread gives the call up.
            future.cancel()
            raise


_loop = _Loop()


class Ticket:
    """As :class:`callie.Ticket`, with a call that waits."""

    def __init__(self, ticket: AsyncTicket) -> None:
        self._ticket = ticket
        #: Names it in the :class:`callie.Ended` of its end.
        self.number = ticket.number
        #: Edits and deletions name it.
        self.message_id = ticket.message_id

    def ending(self) -> Ending:
        """As :meth:`callie.Ticket.ending`."""
        return _loop.run(self._ticket.ending())


class Client:
    """As :class:`callie.Client`, with ``with`` and ``for`` in place of ``async with`` and ``async for``.

    It may be used by several threads at once.
    """

    def __init__(self, server: str, username: str, password: Optional[str] = None, **options: Any) -> None:
        self._client = client.Client(server, username, password, **options)

    @property
    def username(self) -> str:
        """Who this is."""
        return self._client.username

    @property
    def token(self) -> str:
        """The session's token, to keep in a safe place: who has it is the user."""
        return self._client.token

    def connect(self) -> None:
        """As :meth:`callie.Client.connect`."""
        _loop.run(self._client.connect())

    def disconnect(self) -> None:
        """As :meth:`callie.Client.disconnect`."""
        _loop.run(self._client.disconnect())

    def logout(self) -> None:
        """As :meth:`callie.Client.logout`."""
        _loop.run(self._client.logout())

    def send(
        self, recipient: str, message: str, attachments: Iterable[Attachment] = (), **options: Any
    ) -> Ticket:
        """As :meth:`callie.Client.send`."""
        return Ticket(self._client.send(recipient, message, attachments, **options))

    def suspend(self) -> None:
        """As :meth:`callie.Client.suspend`."""
        self._client.suspend()

    def resume(self) -> None:
        """As :meth:`callie.Client.resume`."""
        self._client.resume()

    def network_changed(self) -> None:
        """As :meth:`callie.Client.network_changed`."""
        self._client.network_changed()

    @property
    def state(self) -> Connection:
        """How it stands to its server."""
        return self._client.state

    def stats(self) -> Statistics:
        """As :meth:`callie.Client.stats`."""
        return self._client.stats()

    def ping(self, recipient: str = "SERVER") -> float:
        """As :meth:`callie.Client.ping`."""
        return _loop.run(self._client.ping(recipient))

    def command(self, name: str, parameters: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """As :meth:`callie.Client.command`."""
        return _loop.run(self._client.command(name, parameters))

    def create_group(self, name: str, members: Iterable[str] = (), *, public: bool = False) -> Group:
        """As :meth:`callie.Client.create_group`."""
        return _loop.run(self._client.create_group(name, members, public=public))

    def leave_group(self, group_id: str) -> None:
        """As :meth:`callie.Client.leave_group`."""
        _loop.run(self._client.leave_group(group_id))

    def list_groups(self, after: Optional[str] = None) -> GroupPage:
        """As :meth:`callie.Client.list_groups`."""
        return _loop.run(self._client.list_groups(after))

    def next_events(self, max: int = 64, timeout: Optional[float] = None) -> List[Event]:
        """As :meth:`callie.Client.next_events`."""
        return _loop.run(self._client.next_events(max, timeout))

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        try:
            return _loop.run(self._client.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def __enter__(self) -> "Client":
        self.connect()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.disconnect()

    def __repr__(self) -> str:
        return f"blocking.{self._client!r}"
