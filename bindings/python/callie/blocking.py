"""The client without asyncio: the same calls, which block until their result is there.

    from callie.blocking import Client

    with Client("http://127.0.0.1:8080", "ada", "correct horse", register=True) as client:
        client.send("bob", "Hello, **Bob**")
        for event in client:
            print(event)
"""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, Iterable, Iterator, List, Optional, Type, TypeVar

from . import arguments, client
from ._native import NotCopied
from .arguments import Time
from .blocking_commands import Commands
from .client import Ticket as AsyncTicket
from .errors import ClosedError
from .events import Attachment, ConnectionState, Event, SendOutcome
from .inbox import BATCH, Left, batch_size
from .server import Credentials
from .values import Limits, Stats

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import ClientOptions

__all__ = ["Client", "Ticket"]

T = TypeVar("T")


class _Loop:
    """The event loop of all blocking clients of the process, on a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    def get(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="callie", daemon=True).start()
                self._loop = loop
            return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self.get())
        try:
            return future.result()
        except BaseException:
            # An interrupt of the waiting thread cancels the call.
            future.cancel()
            raise


_loop = _Loop()


def _after_fork() -> None:
    """In a child of the process: the loop's thread is the parent's."""
    global _loop
    _loop = _Loop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Ticket(NotCopied):
    """As :class:`callie.Ticket`, with a call that blocks."""

    def __init__(self, ticket: AsyncTicket) -> None:
        self._ticket = ticket
        #: The ``ticket`` of the :class:`callie.Ended` event.
        self.number = ticket.number
        #: What edits and deletions refer to.
        self.message_id = ticket.message_id

    def outcome(self) -> SendOutcome:
        """As :meth:`callie.Ticket.outcome`."""
        return _loop.run(self._ticket.outcome())


class Client(Commands, NotCopied):
    """As :class:`callie.Client`, with ``with`` and ``for`` in place of ``async with`` and ``async for``.

    It has the same options. Several threads may use one client.
    """

    def __init__(self, server: str, username: str, password: Optional[str] = None, **options: Unpack[ClientOptions]) -> None:
        self._client: client.Client = client.Client(server, username, password, **options)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return _loop.run(work)

    @property
    def username(self) -> str:
        """The user."""
        return self._client.username

    @property
    def token(self) -> str:
        """As :attr:`callie.Client.token`."""
        return self._client.token

    @property
    def credentials(self) -> Credentials:
        """As :attr:`callie.Client.credentials`."""
        return self._client.credentials

    def login(self) -> None:
        """As :meth:`callie.Client.login`."""
        _loop.run(self._client.login())

    def start(self) -> None:
        """As :meth:`callie.Client.start`."""
        _loop.run(self._client.start())

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
        self,
        recipient: str,
        text: str,
        attachments: Iterable[Attachment] = (),
        *,
        confirm: bool = True,
        metadata: Optional[Dict[str, Any]] = None,
        timeout: Optional[Time] = None,
    ) -> Ticket:
        """As :meth:`callie.Client.send`."""
        sent = self._client.send(recipient, text, attachments, confirm=confirm, metadata=metadata, timeout=timeout)
        return Ticket(sent)

    @property
    def pending(self) -> List[Ticket]:
        """As :attr:`callie.Client.pending`."""
        return [Ticket(ticket) for ticket in self._client.pending]

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
    def state(self) -> ConnectionState:
        """The state of the connection."""
        return self._client.state

    @property
    def stats(self) -> Stats:
        """As :attr:`callie.Client.stats`."""
        return self._client.stats

    @property
    def limits(self) -> Limits:
        """As :attr:`callie.Client.limits`."""
        return self._client.limits

    def listen(self, callback: Callable[[List[Event]], object]) -> None:
        """As :meth:`callie.Client.listen`; the callback may call every method of this client."""
        self._client.listen(callback)

    def ping(self, recipient: str = "SERVER") -> timedelta:
        """As :meth:`callie.Client.ping`."""
        return _loop.run(self._client.ping(recipient))

    def command(self, name: str, parameters: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """As :meth:`callie.Client.command`."""
        return _loop.run(self._client.command(name, parameters))

    def next_events(self, max: int = BATCH, timeout: Optional[Time] = None) -> List[Event]:
        """As :meth:`callie.Client.next_events`."""
        size, left = batch_size(max), Left(arguments.seconds(timeout, "timeout"))
        inbox = self._client._events()
        while True:
            # On the calling thread, so that an interrupt of the wait loses no event.
            events = inbox.take_now(size)
            wait = 0.0 if events else left.seconds()
            if wait <= 0:
                return events
            _loop.run(inbox.wait(wait))

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        inbox = self._client._events()
        loop = _loop.get()
        while True:
            event = inbox.hand_out(loop)
            if event is not None:
                return event
            try:
                _loop.run(inbox.fill())
            except ClosedError:
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
        return f"blocking.{vars(self).get('_client', 'Client(not made)')!r}"
