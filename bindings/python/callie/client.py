"""The client, for asyncio."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Deque, Dict, Generator, Iterable, List, Optional, Type

from . import _native, arguments, errors
from .commands import Commands
from .errors import ConnectionClosed, InvalidArgument, translated
from .events import Attachment, Connection, Ending, Event, connection, ending, from_batch, to_json
from .server import Server, Session
from .values import Limits, Statistics

#: Events taken from the native side at one go: the cost of a call is spread over so many.
_BATCH = 64
#: One wait is so long before it is begun again; only the end of the connection ends it earlier.
_WAIT_SECONDS = 600.0


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


class Client(Commands):
    """One user's conversation with a server: ``async with`` connects and disconnects, ``async for`` takes events.

    With ``register=True`` the user is made first, unless the name is taken already. In place of a password the ``token``
    of an earlier login will do. Times are seconds; what is left out has the library's default.

    ``token_source`` gives the token of a new login when the server has ended the session; without it the client ends then.
    It is an ordinary function, given the username and the server's code, such as ``"SESSION_EXPIRED"``, and called on a
    thread of the library, once for each refusal. If it raises, or takes longer than ``exchange_timeout``, the client ends.
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
        token_source: Optional[Callable[[str, str], str]] = None,
        connect_timeout: Optional[float] = None,
        exchange_timeout: Optional[float] = None,
        send_timeout: Optional[float] = None,
        max_waiting: Optional[int] = None,
        event_queue: Optional[int] = None,
        extra_roots: Iterable[str] = (),
        bundled_roots: bool = True,
        pins: Iterable[str] = (),
        use_proxy: bool = True,
    ) -> None:
        if (password is None) == (token is None):
            raise InvalidArgument("INVALID_ARGUMENT", "give either a password or a token")
        options: Dict[str, Any] = {
            "connect_timeout": connect_timeout,
            "exchange_timeout": exchange_timeout,
            "send_timeout": send_timeout,
            "max_waiting": max_waiting,
            "event_queue": event_queue,
            "extra_roots": arguments.texts(extra_roots, "an extra root"),
            "bundled_roots": bundled_roots,
            "pins": arguments.texts(pins, "a pin"),
            "use_proxy": use_proxy,
        }
        self._config = arguments.config(server, **options)
        self._server = Server(server, **options)
        self._username = errors.text(username, "the username")
        self._password = arguments.optional_text(password, "the password")
        self._token = arguments.optional_text(token, "the token")
        self._register = register
        self._device = arguments.optional_text(device, "the device")
        self._token_source = None if token_source is None else _TokenSource(token_source)
        self._session: Optional[Session] = None
        self._native: Optional[_native.Client] = None
        self._buffer: Deque[Event] = deque()

    @property
    def username(self) -> str:
        """Who this is."""
        return self._username

    @property
    def token(self) -> str:
        """The session's token, to keep in a safe place: who has it is the user."""
        if self._session is None:
            raise InvalidArgument("INVALID_ARGUMENT", "there is no session: log in or connect first")
        return self._session.token

    async def login(self) -> None:
        """Registers where asked to and logs in, without connecting: what is sent from now on waits for the connection.

        :meth:`connect`, :meth:`start` and ``async with`` do it by themselves.
        """
        if self._native is not None:
            return
        if self._session is None:
            self._session = await self._enter()
        with translated():
            native = _native.Client(self._session._native)
        native.set_token_source(self._token_source)
        self._native = native

    async def _enter(self) -> Session:
        if self._password is None:
            with translated():
                return Session(_native.Session.resume(self._config, self._username, self._token))
        enter = self._server.register_and_login if self._register else self._server.login
        return await enter(self._username, self._password, self._device)

    async def connect(self) -> None:
        """Logs in where that is still to be done, connects once, and waits for it; from then on as after :meth:`start`.

        On a client that is online it does nothing, on one that has ended it raises :class:`ConnectionClosed`.
        """
        await self.login()
        with translated():
            await self._connection().connect()

    async def start(self) -> None:
        """Logs in where that is still to be done, then connects and keeps connecting, without waiting for it."""
        await self.login()
        self._connection().start()

    async def disconnect(self) -> None:
        """Writes what was sent, says goodbye and ends the connection. What has arrived can still be taken."""
        if self._native is not None:
            await self._native.disconnect()

    async def logout(self) -> None:
        """Ends the session on the server: its connections close and its token is dead."""
        if self._session is not None:
            await self._server.logout(self._session)
            self._session = None

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
        """Sends a text in Markdown, with attachments, to a username, a group's ID or ``"BROADCAST"``.

        It is taken at once, connected or not: await the ticket for its end, or go on.
        """
        natives = [a._to_native() for a in attachments]
        recipient, text = errors.text(recipient, "the recipient"), errors.text(text, "the text")
        written = None if metadata is None else to_json(metadata, "the metadata")
        options = arguments.send_options(confirm, written, timeout)
        with translated():
            return Ticket(self._connection().send(recipient, text, natives, options))

    async def ping(self, recipient: str = "SERVER") -> float:
        """Asks the server or a user for a sign of life; the answer is how many seconds it took."""
        with translated():
            return await self._connection().ping(errors.text(recipient, "the recipient")) / 1_000_000

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

    @property
    def limits(self) -> Limits:
        """What the server allows; the protocol's defaults before the first connection."""
        return Limits(**vars(self._connection().limits()))

    def listen(self, callback: Callable[[List[Event]], object]) -> None:
        """Hands all events to ``callback`` from now on, in batches, on a thread of the library; the last is :class:`Closed`.

        It may take its time and call what is not a coroutine: :meth:`send`, :meth:`suspend`, :attr:`state`. What it raises
        is logged, and the next batch comes all the same. Who listens does not iterate or call :meth:`next_events`. It can
        be asked for once in a client's life, and raises :class:`InvalidArgument` after that.
        """
        if not callable(callback):
            raise InvalidArgument("INVALID_ARGUMENT", "the callback must be callable")
        with translated():
            self._connection().listen_in_batches(_Listener(callback))

    async def next_events(self, max: int = _BATCH, timeout: Optional[float] = None) -> List[Event]:
        """Takes up to ``max`` events, waiting at most ``timeout`` seconds for the first; an empty list when none came.

        The last event is a :class:`Closed`; after it the call raises :class:`ConnectionClosed`. Cancelling loses nothing.
        """
        if not isinstance(max, int) or max < 1:
            raise InvalidArgument("INVALID_ARGUMENT", "max must be a whole number, at least 1")
        if not self._buffer:
            await self._refill(timeout)
        return [self._buffer.popleft() for _ in range(min(max, len(self._buffer)))]

    async def _refill(self, timeout: Optional[float]) -> None:
        """Takes what is there, when there is something."""
        native = self._connection()
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        # Who only takes events lets others have their turn, once for each batch.
        await asyncio.sleep(0)
        while not self._buffer:
            with translated():
                batch = native.take_batch(_BATCH)
            if batch:
                self._buffer.extend(from_batch(batch))
                return
            left = _WAIT_SECONDS if deadline is None else min(deadline - loop.time(), _WAIT_SECONDS)
            if left <= 0:
                return
            with translated():
                # It takes nothing, so cancelling this call loses nothing.
                await native.await_events(math.ceil(left * 1000))

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        try:
            return (await self.next_events(1))[0]
        except ConnectionClosed:
            # The last event was taken, here or elsewhere.
            raise StopAsyncIteration from None

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
            reason = "this client has not begun: use `async with`, or connect(), start() or login() first"
            raise InvalidArgument("INVALID_ARGUMENT", reason)
        return self._native


class _Listener(_native.BatchListener):
    """Hands events to the application's callable."""

    def __init__(self, callback: Callable[[List[Event]], object]) -> None:
        self._callback = callback

    def on_batch(self, batch: str) -> None:
        try:
            self._callback(from_batch(batch))
        except Exception as error:
            raise _native.CallbackError.Failed(f"{type(error).__name__}: {error}") from error


class _TokenSource(_native.TokenSource):
    """Asks the application's callable for a new token."""

    def __init__(self, source: Callable[[str, str], str]) -> None:
        self._source = source

    def token(self, username: str, reason_code: str) -> str:
        try:
            return errors.text(self._source(username, reason_code), "the token")
        except Exception as error:
            raise _native.CallbackError.Failed(f"{type(error).__name__}: {error}") from error
