"""The client, for asyncio."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Deque, Dict, Generator, Iterable, List, Optional, Type

from . import _native
from .errors import ConnectionClosed, InvalidArgument, text, translated
from .events import Attachment, Closed, Connection, Ending, Event, connection, ending, from_native, to_json

#: Events taken from the native side at one go: the cost of a call is spread over so many.
_BATCH = 64
#: One pull waits so long before it is begun again; only the end of the connection ends it earlier.
_PULL_MS = 600_000


class Ticket:
    """A message that was taken for sending. Awaiting it waits for its end, any number of times; letting go of it is fine,
    as an :class:`Ended` tells the end too.
    """

    def __init__(self, native: _native.Ticket) -> None:
        self._native = native
        #: Names it in the :class:`Ended` of its end.
        self.number: int = native.number()
        #: Edits and deletions name it.
        self.message_id: str = native.message_id()

    async def ending(self) -> Ending:
        """How the message ended, as soon as it has: at its deadline at the latest."""
        return ending(await self._native.ending())

    def __await__(self) -> Generator[Any, None, Ending]:
        return self.ending().__await__()


@dataclass(frozen=True)
class Statistics:
    """What a client did so far, in numbers."""

    #: How often it came online.
    connects: int
    #: How often after the first time.
    reconnects: int
    payloads_sent: int
    payloads_received: int
    messages_sent: int
    messages_received: int
    #: Messages that came a second time and were not told again.
    duplicates: int
    #: Messages, pings and commands that are not over now.
    waiting: int
    bytes_sent: int
    bytes_received: int


@dataclass(frozen=True)
class Group:
    """A group that was made."""

    #: What messages to the group are sent to.
    group_id: str
    name: str
    members: List[str]


@dataclass(frozen=True)
class GroupSummary:
    """A group in a list."""

    group_id: str
    name: str
    member_count: int


@dataclass(frozen=True)
class GroupPage:
    """One page of a list of groups."""

    groups: List[GroupSummary]
    #: To be given as ``after`` for the next page, where there is one.
    next: Optional[str]


class Client:
    """A user's connection to a server: ``async with`` connects and disconnects, ``async for`` takes events.

    With ``register=True`` the user is made first, unless the name is taken already. In place of a password the ``token``
    of an earlier login will do. Times are seconds; what is left out has the library's default.
    """

    def __init__(
        self,
        server: str,
        username: str,
        password: Optional[str] = None,
        *,
        token: Optional[str] = None,
        register: bool = False,
        device: Optional[str] = None,
        connect_timeout: Optional[float] = None,
        exchange_timeout: Optional[float] = None,
        send_timeout: Optional[float] = None,
        max_waiting: Optional[int] = None,
        event_queue: Optional[int] = None,
        extra_roots: Iterable[str] = (),
        bundled_roots: bool = True,
        pins: Iterable[str] = (),
        use_proxy: bool = True,
        token_source: Optional[Callable[[str, str], str]] = None,
    ) -> None:
        if (password is None) == (token is None):
            raise InvalidArgument("INVALID_ARGUMENT", "give either a password or a token")
        self._config = _native.Config(
            url=text(server, "the server"),
            connect_timeout_ms=_millis(connect_timeout, "connect_timeout"),
            exchange_timeout_ms=_millis(exchange_timeout, "exchange_timeout"),
            send_timeout_ms=_millis(send_timeout, "send_timeout"),
            max_waiting=_whole(max_waiting, "max_waiting"),
            event_queue=_whole(event_queue, "event_queue"),
            extra_roots=[text(pem, "an extra root") for pem in extra_roots],
            bundled_roots=bool(bundled_roots),
            pins=[text(pin, "a pin") for pin in pins],
            use_proxy=bool(use_proxy),
        )
        self._username = text(username, "the username")
        self._password = None if password is None else text(password, "the password")
        self._token = None if token is None else text(token, "the token")
        self._register = register
        self._device = None if device is None else text(device, "the device")
        self._token_source = None if token_source is None else _TokenSource(token_source)
        with translated():
            self._server = _native.Server(self._config)
        self._session: Optional[_native.Session] = None
        self._native: Optional[_native.Client] = None
        self._buffer: Deque[Event] = deque()
        self._pull: Optional["asyncio.Task[None]"] = None
        self._ended = False

    @property
    def username(self) -> str:
        """Who this is."""
        return self._username

    @property
    def token(self) -> str:
        """The session's token, to keep in a safe place: who has it is the user."""
        if self._session is None:
            raise ConnectionClosed("CLOSED", "there is no session yet: connect first")
        return self._session.token()

    async def connect(self) -> None:
        """Registers where asked to, logs in and connects. ``async with`` does it by itself."""
        if self._native is not None:
            raise InvalidArgument("INVALID_ARGUMENT", "this client is connected already")
        with translated():
            if self._session is None:
                self._session = await self._log_in()
            native = _native.Client(self._session)
            native.set_token_source(self._token_source)
            await native.connect()
            self._native = native
        self._ended = False

    async def _log_in(self) -> _native.Session:
        if self._password is None:
            return _native.Session.resume(self._config, self._username, self._token)
        log_in = self._server.register_and_login if self._register else self._server.login
        return await log_in(self._username, self._password, self._device)

    async def disconnect(self) -> None:
        """Writes what was sent, says goodbye and ends the connection. What has arrived can still be taken."""
        if self._native is not None:
            await self._native.disconnect()
            if self._pull is not None:
                # It ends with the connection; left alone it would outlive the event loop.
                await asyncio.wait({self._pull})

    async def logout(self) -> None:
        """Ends the session on the server: its connections close and its token is dead."""
        if self._session is not None:
            with translated():
                await self._server.logout(self._session)
            self._session = None

    def send(
        self,
        recipient: str,
        message: str,
        attachments: Iterable[Attachment] = (),
        *,
        confirm: bool = True,
        metadata: Optional[Dict[str, Any]] = None,
        timeout: Optional[float] = None,
    ) -> Ticket:
        """Sends a text in Markdown, with attachments, to a username, a group's ID or ``"BROADCAST"``.

        It is taken at once, connected or not: await the ticket for its end, or go on.
        """
        natives = [a._to_native() for a in attachments]
        recipient, message = text(recipient, "the recipient"), text(message, "the message")
        options = None
        if not (confirm and metadata is None and timeout is None):
            written = None if metadata is None else to_json(metadata, "the metadata")
            options = _native.SendOptions(
                confirm=bool(confirm), metadata=written, timeout_ms=_millis(timeout, "the timeout")
            )
        with translated():
            return Ticket(self._connection().send(recipient, message, natives, options))

    async def ping(self, recipient: str = "SERVER") -> float:
        """Asks the server or a user for a sign of life; the answer is how many seconds it took."""
        with translated():
            return await self._connection().ping(text(recipient, "the recipient")) / 1_000_000

    async def command(self, name: str, parameters: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Carries out a command by name, such as ``"GET_GROUP"``, and gives its result."""
        written = to_json({} if parameters is None else parameters, "the parameters")
        with translated():
            result = await self._connection().command(text(name, "the command"), written)
        return json.loads(result)

    async def create_group(self, name: str, members: Iterable[str] = (), *, public: bool = False) -> Group:
        """Makes a group of this user and ``members``; a public one can be joined by anyone."""
        names = [text(member, "a member") for member in members]
        with translated():
            visibility = _native.Visibility.PUBLIC if public else _native.Visibility.PRIVATE
            group = await self._connection().create_group(text(name, "the name"), names, visibility)
        return Group(group.group_id, group.name, group.members)

    async def leave_group(self, group_id: str) -> None:
        """Leaves a group. The last to leave deletes it."""
        with translated():
            await self._connection().leave_group(text(group_id, "the group"))

    async def list_groups(self, after: Optional[str] = None) -> GroupPage:
        """One page of the groups that this user is in; ``after`` is the ``next`` of the page before."""
        with translated():
            page = await self._connection().list_groups(None, after)
        return GroupPage([GroupSummary(g.group_id, g.name, g.member_count) for g in page.groups], page.next)

    def suspend(self) -> None:
        """Closes the connection for a while. What waits goes on waiting."""
        self._connection().suspend()

    def resume(self) -> None:
        """Connects again after :meth:`suspend`."""
        self._connection().resume()

    def network_changed(self) -> None:
        """The network is another: what waits for the next attempt tries at once."""
        self._connection().network_changed()

    @property
    def state(self) -> Connection:
        """How it stands to its server."""
        return Connection("suspended") if self._native is None else connection(self._native.state())

    def stats(self) -> Statistics:
        """What it did so far, in numbers."""
        return Statistics(**vars(self._connection().stats()))

    async def next_events(self, max: int = _BATCH, timeout: Optional[float] = None) -> List[Event]:
        """Takes up to ``max`` events, waiting at most ``timeout`` seconds for the first; an empty list when none came.

        The last event is a :class:`Closed`; after it the call raises :class:`ConnectionClosed`. Cancelling loses nothing.
        """
        if not isinstance(max, int) or max < 1:
            raise InvalidArgument("INVALID_ARGUMENT", "max must be a whole number, at least 1")
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while not self._buffer:
            # The pull is a task of its own, so that cancelling this call leaves what it takes in the buffer.
            if self._pull is None:
                self._pull = loop.create_task(self._fill(self._connection()))
            pull = self._pull
            left = None if deadline is None else deadline - loop.time()
            await asyncio.wait({pull}, timeout=left)
            if not pull.done():
                return []
            if self._pull is pull:
                self._pull = None
            with translated():
                pull.result()
        return [self._buffer.popleft() for _ in range(min(max, len(self._buffer)))]

    async def _fill(self, connection: _native.Client) -> None:
        self._buffer.extend(map(from_native, await connection.next_events(_BATCH, _PULL_MS)))

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._ended:
            raise StopAsyncIteration
        event = (await self.next_events(1))[0]
        self._ended = isinstance(event, Closed)
        return event

    async def __aenter__(self) -> "Client":
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.disconnect()

    def __repr__(self) -> str:
        return f"Client({self._config.url!r}, {self._username!r})"

    def _connection(self) -> _native.Client:
        if self._native is None:
            raise ConnectionClosed("CLOSED", "this client is not connected: use `async with`, or connect() first")
        return self._native


class _TokenSource(_native.TokenSource):
    """Asks the application's callable for a new token."""

    def __init__(self, source: Callable[[str, str], str]) -> None:
        self._source = source

    def token(self, username: str, reason_code: str) -> str:
        try:
            return text(self._source(username, reason_code), "the token")
        except Exception as error:
            raise _native.CallbackError.Failed(str(error)) from error


def _millis(seconds: Optional[float], name: str) -> Optional[int]:
    if seconds is None:
        return None
    if not isinstance(seconds, (int, float)) or not 0 < seconds <= 4_000_000:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a number of seconds above 0")
    return max(1, round(seconds * 1000))


def _whole(number: Optional[int], name: str) -> Optional[int]:
    if number is not None and (not isinstance(number, int) or not 1 <= number < 2**32):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a whole number, at least 1")
    return number
