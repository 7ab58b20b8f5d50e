"""The client without asyncio: the same calls, which wait for their result.

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
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, Iterable, Iterator, List, Optional, Type, TypeVar

from . import arguments, client
from ._native import NotCopied
from .client import Ticket as AsyncTicket
from .errors import ConnectionClosed
from .events import Attachment, Connection, Ending, Event
from .inbox import BATCH, Left, batch_size
from .values import (
    BlockedPage,
    Group,
    GroupDetails,
    GroupPage,
    Limits,
    Profile,
    ServerStats,
    SessionInfo,
    Settings,
    Statistics,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import ClientOptions

__all__ = ["Client", "Ticket"]

T = TypeVar("T")


class _Loop:
    """The one event loop behind all blocking clients of the process, on a thread of its own."""

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
            # An interrupt of the waiting thread gives the call up.
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


class Client(NotCopied):
    """As :class:`callie.Client`, with ``with`` and ``for`` in place of ``async with`` and ``async for``.

    It takes the same options, and may be used by several threads at once.
    """

    def __init__(self, server: str, username: str, password: Optional[str] = None, **options: Unpack[ClientOptions]) -> None:
        self._client = client.Client(server, username, password, **options)

    @property
    def username(self) -> str:
        """Who this is."""
        return self._client.username

    @property
    def token(self) -> str:
        """The session's token, to keep in a safe place: who has it is the user."""
        return self._client.token

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
        timeout: Optional[float] = None,
    ) -> Ticket:
        """As :meth:`callie.Client.send`."""
        sent = self._client.send(recipient, text, attachments, confirm=confirm, metadata=metadata, timeout=timeout)
        return Ticket(sent)

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
        """The state of the connection."""
        return self._client.state

    def stats(self) -> Statistics:
        """As :meth:`callie.Client.stats`."""
        return self._client.stats()

    @property
    def limits(self) -> Limits:
        """As :attr:`callie.Client.limits`."""
        return self._client.limits

    def listen(self, callback: Callable[[List[Event]], object]) -> None:
        """As :meth:`callie.Client.listen`; the callback may call every method of this client."""
        self._client.listen(callback)

    def ping(self, recipient: str = "SERVER") -> float:
        """As :meth:`callie.Client.ping`."""
        return _loop.run(self._client.ping(recipient))

    def command(self, name: str, parameters: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """As :meth:`callie.Client.command`."""
        return _loop.run(self._client.command(name, parameters))

    def create_group(self, name: str, members: Iterable[str] = (), *, public: bool = False) -> Group:
        """As :meth:`callie.Client.create_group`."""
        return _loop.run(self._client.create_group(name, members, public=public))

    def join_group(self, group_id: str) -> None:
        """As :meth:`callie.Client.join_group`."""
        _loop.run(self._client.join_group(group_id))

    def leave_group(self, group_id: str) -> None:
        """As :meth:`callie.Client.leave_group`."""
        _loop.run(self._client.leave_group(group_id))

    def add_member(self, group_id: str, username: str) -> None:
        """As :meth:`callie.Client.add_member`."""
        _loop.run(self._client.add_member(group_id, username))

    def remove_member(self, group_id: str, username: str) -> None:
        """As :meth:`callie.Client.remove_member`."""
        _loop.run(self._client.remove_member(group_id, username))

    def set_role(self, group_id: str, username: str, role: str) -> None:
        """As :meth:`callie.Client.set_role`."""
        _loop.run(self._client.set_role(group_id, username, role))

    def rename_group(self, group_id: str, name: str) -> None:
        """As :meth:`callie.Client.rename_group`."""
        _loop.run(self._client.rename_group(group_id, name))

    def delete_group(self, group_id: str) -> None:
        """As :meth:`callie.Client.delete_group`."""
        _loop.run(self._client.delete_group(group_id))

    def list_groups(self, after: Optional[str] = None, limit: Optional[int] = None) -> GroupPage:
        """As :meth:`callie.Client.list_groups`."""
        return _loop.run(self._client.list_groups(after, limit))

    def list_public_groups(self, after: Optional[str] = None, limit: Optional[int] = None) -> GroupPage:
        """As :meth:`callie.Client.list_public_groups`."""
        return _loop.run(self._client.list_public_groups(after, limit))

    def get_group(
        self, group_id: str, after: Optional[str] = None, limit: Optional[int] = None
    ) -> GroupDetails:
        """As :meth:`callie.Client.get_group`."""
        return _loop.run(self._client.get_group(group_id, after, limit))

    def edit_message(self, recipient: str, message_id: str, text: str) -> None:
        """As :meth:`callie.Client.edit_message`."""
        _loop.run(self._client.edit_message(recipient, message_id, text))

    def delete_message(self, recipient: str, message_id: str, sender: Optional[str] = None) -> None:
        """As :meth:`callie.Client.delete_message`."""
        _loop.run(self._client.delete_message(recipient, message_id, sender))

    def signal(self, recipient: str, kind: str, data: Any = None) -> None:
        """As :meth:`callie.Client.signal`."""
        self._client.signal(recipient, kind, data)

    def get_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """As :meth:`callie.Client.get_presence`."""
        return _loop.run(self._client.get_presence(usernames))

    def subscribe_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """As :meth:`callie.Client.subscribe_presence`."""
        return _loop.run(self._client.subscribe_presence(usernames))

    def unsubscribe_presence(self, usernames: Iterable[str]) -> None:
        """As :meth:`callie.Client.unsubscribe_presence`."""
        _loop.run(self._client.unsubscribe_presence(usernames))

    def get_profile(self, username: str) -> Profile:
        """As :meth:`callie.Client.get_profile`."""
        return _loop.run(self._client.get_profile(username))

    def get_settings(self) -> Settings:
        """As :meth:`callie.Client.get_settings`."""
        return _loop.run(self._client.get_settings())

    def update_settings(
        self, *, display_name: Optional[str] = None, presence: Optional[str] = None, direct_messages: Optional[str] = None
    ) -> Settings:
        """As :meth:`callie.Client.update_settings`."""
        return _loop.run(self._client.update_settings(display_name=display_name, presence=presence, direct_messages=direct_messages))

    def block_user(self, username: str) -> None:
        """As :meth:`callie.Client.block_user`."""
        _loop.run(self._client.block_user(username))

    def unblock_user(self, username: str) -> None:
        """As :meth:`callie.Client.unblock_user`."""
        _loop.run(self._client.unblock_user(username))

    def list_blocked(self, after: Optional[str] = None, limit: Optional[int] = None) -> BlockedPage:
        """As :meth:`callie.Client.list_blocked`."""
        return _loop.run(self._client.list_blocked(after, limit))

    def list_sessions(self) -> List[SessionInfo]:
        """As :meth:`callie.Client.list_sessions`."""
        return _loop.run(self._client.list_sessions())

    def revoke_session(self, session_id: str) -> None:
        """As :meth:`callie.Client.revoke_session`."""
        _loop.run(self._client.revoke_session(session_id))

    def kick_user(self, username: str, reason: Optional[str] = None) -> None:
        """As :meth:`callie.Client.kick_user`."""
        _loop.run(self._client.kick_user(username, reason))

    def ban_user(self, username: str, reason: Optional[str] = None, until: Optional[datetime] = None) -> None:
        """As :meth:`callie.Client.ban_user`."""
        _loop.run(self._client.ban_user(username, reason, until))

    def unban_user(self, username: str) -> None:
        """As :meth:`callie.Client.unban_user`."""
        _loop.run(self._client.unban_user(username))

    def announce(self, text: str) -> None:
        """As :meth:`callie.Client.announce`."""
        _loop.run(self._client.announce(text))

    def server_stats(self) -> ServerStats:
        """As :meth:`callie.Client.server_stats`."""
        return _loop.run(self._client.server_stats())

    def next_events(self, max: int = BATCH, timeout: Optional[float] = None) -> List[Event]:
        """As :meth:`callie.Client.next_events`."""
        size, left = batch_size(max), Left(arguments.seconds(timeout, "the timeout"))
        inbox = self._client._events()
        while True:
            # On this thread, so that an interrupt of the waiting loses nothing.
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
            except ConnectionClosed:
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
