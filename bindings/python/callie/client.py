"""The client, for asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Dict, Generator, Iterable, List, Optional, Tuple, Type

from . import _native, arguments, callbacks, errors, jsontext
from ._native import NotCopied
from .commands import Commands
from .errors import ConnectionClosed, invalid, translated
from .events import Attachment, Connection, Ending, Event, connection, ending
from .inbox import BATCH, Inbox, batch_size
from .server import Server, Session
from .values import Limits, Statistics


class Ticket(NotCopied):
    """A message that was taken for sending. Awaiting it waits for its end, any number of times; it may be dropped, as an
    :class:`Ended` event tells the end too. Where asyncio wants a coroutine, as in ``create_task``, it is :meth:`ending`.
    """

    def __init__(self, native: _native.Ticket) -> None:
        self._native = native
        #: Names it in the :class:`Ended` of its end.
        self.number: int = native.number()
        #: Edits and deletions name it.
        self.message_id: str = native.message_id()

    async def ending(self) -> Ending:
        """How the message ended, as soon as it has: at its deadline at the latest."""
        with translated():
            return ending(await self._native.ending())

    def __await__(self) -> Generator[Any, None, Ending]:
        return self.ending().__await__()


class Client(Commands, NotCopied):
    """One user's conversation with a server: ``async with`` connects and disconnects, ``async for`` takes events.

    With ``register=True`` the user is made first, unless the name is taken already. In place of a password the ``token``
    of an earlier login will do. Times are seconds; what is left out has the library's default.

    ``token_source`` gives the token of a new login when the server has ended the session; without it the client ends then.
    It is an ordinary function, given the username and the server's code, such as ``"SESSION_EXPIRED"``, and called on a
    thread of its own, once for each refusal. If it raises, or takes longer than ``exchange_timeout``, the client ends.
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
            raise invalid("give either a password or a token")
        options: Dict[str, Any] = {
            "connect_timeout": connect_timeout,
            "exchange_timeout": exchange_timeout,
            "send_timeout": send_timeout,
            "max_waiting": max_waiting,
            "event_queue": event_queue,
            "extra_roots": arguments.texts(extra_roots, "extra_roots", "an extra root"),
            "bundled_roots": bundled_roots,
            "pins": arguments.texts(pins, "pins", "a pin"),
            "use_proxy": use_proxy,
        }
        self._config = arguments.config(server, **options)
        self._server = Server(server, **options)
        self._username = errors.text(username, "the username")
        self._password = arguments.optional_text(password, "the password")
        self._token = arguments.optional_text(token, "the token")
        self._register = arguments.flag(register, "register")
        self._device = arguments.optional_text(device, "the device")
        self._token_source = None if token_source is None else callbacks.TokenSource(token_source)
        self._session: Optional[Session] = None
        self._native: Optional[_native.Client] = None
        self._inbox: Optional[Inbox] = None
        #: One login at a time; a lock belongs to one loop.
        self._login_lock: Optional[Tuple[asyncio.AbstractEventLoop, asyncio.Lock]] = None
        #: The token whose session :meth:`logout` ended.
        self._ended_token: Optional[str] = None

    @property
    def username(self) -> str:
        """Who this is."""
        return self._username

    @property
    def token(self) -> str:
        """The session's token, to keep in a safe place: who has it is the user. After ``token_source`` gave another, it is
        that one."""
        session = self._current_session()
        if session is None:
            raise invalid("there is no session: log in or connect first")
        return session.token

    def _current_session(self) -> Optional[Session]:
        session = self._session
        if self._native is not None:
            with translated():
                session = Session(self._native.session())
        return None if session is None or session.token == self._ended_token else session

    async def login(self) -> None:
        """Registers where asked to and logs in, without connecting: what is sent from now on waits for the connection.

        :meth:`connect`, :meth:`start` and ``async with`` do it by themselves. Of several calls at once, one logs in.
        """
        if self._native is not None:
            return
        async with self._alone():
            # Another call may have done it meanwhile.
            if self._native is not None:
                return
            if self._session is None:
                self._session = await self._enter()
            _native.used()
            with translated():
                native = _native.Client(self._session._native)
                if self._token_source is not None:
                    native.queue_token_requests(self._token_source.number)
            self._inbox = Inbox(native)
            self._native = native

    def _alone(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._login_lock is None or self._login_lock[0] is not loop:
            self._login_lock = loop, asyncio.Lock()
        return self._login_lock[1]

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
        with translated():
            self._connection().start()

    async def disconnect(self) -> None:
        """Writes what was sent, says goodbye and ends the connection. What has arrived can still be taken."""
        if self._native is not None and self._inbox is not None:
            self._inbox.flush()
            with translated():
                await self._native.disconnect()

    async def logout(self) -> None:
        """Ends the session on the server: its connections close and its token is dead."""
        session = self._current_session()
        if session is not None:
            await self._server.logout(session)
            self._ended_token = session.token
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
        natives = arguments.attachments(attachments) if attachments != () else []
        recipient, text = errors.text(recipient, "the recipient"), errors.text(text, "the text")
        written = None if metadata is None else jsontext.write_object(metadata, "the metadata")
        options = arguments.send_options(confirm, written, timeout)
        with translated():
            return Ticket(self._connection().send(recipient, text, natives, options))

    async def ping(self, recipient: str = "SERVER") -> float:
        """Asks the server or a user for a sign of life; the answer is how many seconds it took."""
        with translated():
            return await self._connection().ping(errors.text(recipient, "the recipient")) / 1_000_000

    def suspend(self) -> None:
        """Closes the connection for a while. What waits goes on waiting."""
        with translated():
            self._connection().suspend()

    def resume(self) -> None:
        """Connects again after :meth:`suspend`."""
        with translated():
            self._connection().resume()

    def network_changed(self) -> None:
        """Tells the client that the network has changed: one that waits to reconnect tries immediately."""
        with translated():
            self._connection().network_changed()

    @property
    def state(self) -> Connection:
        """The state of the connection."""
        if self._native is None:
            return Connection("suspended")
        with translated():
            return connection(self._native.state())

    def stats(self) -> Statistics:
        """Counters since the client was made."""
        with translated():
            return Statistics(**vars(self._connection().stats()))

    @property
    def limits(self) -> Limits:
        """What the server allows; the protocol's defaults before the first connection."""
        with translated():
            return Limits(**vars(self._connection().limits()))

    def listen(self, callback: Callable[[List[Event]], object]) -> None:
        """Hands all events to ``callback`` from now on, in batches, on a thread of its own; the last is :class:`Closed`.

        The callback is an ordinary function. It may take its time and call what is not a coroutine: :meth:`send`,
        :meth:`suspend`, :attr:`state`. What it raises is logged, and the next batch comes all the same. Events cannot be
        taken by another way then. It can be asked for once in a client's life, and raises :class:`InvalidArgument` after
        that. When the program ends, no further batch is handed out, and one that is handed out has two seconds.
        """
        callbacks.synchronous(callback, "the callback")
        with translated():
            reader = self._connection().event_reader()
        callbacks.listen(reader, callback)

    async def next_events(self, max: int = BATCH, timeout: Optional[float] = None) -> List[Event]:
        """Takes up to ``max`` events, waiting at most ``timeout`` seconds for the first; an empty list when none came.

        Messages among them are confirmed to their senders. The last event is a :class:`Closed`; after it the call raises
        :class:`ConnectionClosed`. Cancelling loses nothing.
        """
        size, wait = batch_size(max), arguments.seconds(timeout, "the timeout")
        return await self._events().take(size, wait)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        inbox = self._inbox or self._events()
        while True:
            event = inbox.hand_out()
            if event is not None:
                return event
            try:
                await inbox.fill()
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
        # A client whose constructor failed is shown too, by tools that show variables.
        if "_config" not in vars(self) or "_username" not in vars(self):
            return "Client(not made)"
        return f"Client({self._config.url!r}, {self._username!r})"

    def _connection(self) -> _native.Client:
        if self._native is None:
            raise invalid(_NOT_BEGUN)
        return self._native

    def _events(self) -> Inbox:
        if self._inbox is None:
            raise invalid(_NOT_BEGUN)
        return self._inbox


_NOT_BEGUN = "this client has not begun: use `async with`, or connect(), start() or login() first"
