"""The client, for asyncio."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Dict, Generator, Iterable, List, Optional, Tuple, Type

from . import _native, arguments, callbacks, errors
from ._native import NotCopied
from .arguments import Path, Time
from .commands import Commands
from .enums import ConnectionKind
from .errors import ClosedError, invalid, translated
from .events import Attachment, ConnectionState, Event, SendOutcome, connection_state, outcome
from .inbox import BATCH, Inbox, batch_size
from .server import Credentials, Server
from .store import Requests, StateStore
from .values import Limits, Stats


class Ticket(NotCopied):
    """A message that was accepted for sending. Awaiting it any number of times returns its outcome.

    Where asyncio needs a coroutine, as in ``create_task``, use :meth:`outcome`. A ticket may be dropped: the
    :class:`Ended` event reports the outcome too.
    """

    def __init__(self, native: _native.Ticket) -> None:
        self._native = native
        #: The ``ticket`` of the :class:`Ended` event. The tickets of a client count up.
        self.number: int = native.number()
        #: What edits and deletions refer to.
        self.message_id: str = native.message_id()

    async def outcome(self) -> SendOutcome:
        """Waits until the sending has ended, at the latest at its deadline, and returns how."""
        with translated():
            return outcome(await self._native.outcome())

    def __await__(self) -> Generator[Any, None, SendOutcome]:
        return self.outcome().__await__()


class Client(Commands, NotCopied):
    """A user's connection to a server. ``async with`` connects and disconnects, ``async for`` iterates over events.

    The client reconnects after every loss of the connection until :meth:`disconnect` is called or the server refuses the
    session. The options are those of :class:`callie.options.ClientOptions`.

    ``token_source`` returns a new token when the server has ended the session; without it, the client ends. It is an
    ordinary function that receives the username and the server's code, such as ``"SESSION_EXPIRED"``. It is called once for
    each refusal, on a thread of its own. If it raises, or takes longer than ``request_timeout``, the client ends.

    With ``state_file``, the client outlives its process: what a killed program had sent is sent when it comes back, and no
    message that it took is delivered again. If the file cannot be used, :meth:`login` raises :class:`StateError`.
    ``state_store`` is a :class:`StateStore` of the application that takes the place of the file.
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
        connect_timeout: Optional[Time] = None,
        request_timeout: Optional[Time] = None,
        send_timeout: Optional[Time] = None,
        max_waiting: Optional[int] = None,
        event_queue: Optional[int] = None,
        extra_roots: Iterable[str] = (),
        bundled_roots: bool = True,
        pins: Iterable[str] = (),
        use_proxy: bool = True,
        state_file: Optional[Path] = None,
        state_store: Optional[StateStore] = None,
    ) -> None:
        if (password is None) == (token is None):
            raise invalid("give either a password or a token")
        options: Dict[str, Any] = {
            "connect_timeout": connect_timeout,
            "request_timeout": request_timeout,
            "send_timeout": send_timeout,
            "max_waiting": max_waiting,
            "event_queue": event_queue,
            "extra_roots": arguments.texts(extra_roots, "extra_roots"),
            "bundled_roots": bundled_roots,
            "pins": arguments.texts(pins, "pins"),
            "use_proxy": use_proxy,
            # The credentials of a login have the configuration of the server.
            "state_file": state_file,
        }
        self._config = arguments.config(server, **options)
        self._server = Server(server, **options)
        self._username = errors.text(username, "username")
        self._password = arguments.optional_text(password, "password")
        self._token = arguments.optional_text(token, "token")
        self._register = arguments.flag(register, "register")
        self._device = arguments.optional_text(device, "device")
        self._token_source = None if token_source is None else callbacks.TokenSource(token_source)
        if state_file is not None and state_store is not None:
            raise invalid("give either a state_file or a state_store")
        self._state_store = state_store
        self._store_requests: Optional[Requests] = None
        self._credentials: Optional[Credentials] = None
        self._native: Optional[_native.Client] = None
        self._inbox: Optional[Inbox] = None
        #: One login at a time; a lock belongs to one loop.
        self._login_lock: Optional[Tuple[asyncio.AbstractEventLoop, asyncio.Lock]] = None
        #: The token whose session :meth:`logout` ended.
        self._ended_token: Optional[str] = None

    @property
    def username(self) -> str:
        """The user."""
        return self._username

    @property
    def token(self) -> str:
        """The session's token: the last one that ``token_source`` returned, if any. Store it safely: it stands for the
        user."""
        return self.credentials.token

    @property
    def credentials(self) -> Credentials:
        """The username with the :attr:`token`, for the calls of :class:`callie.Server`."""
        credentials = self._current_credentials()
        if credentials is None:
            raise invalid("there is no session: call login() or connect() first")
        return credentials

    def _current_credentials(self) -> Optional[Credentials]:
        credentials = self._credentials
        if self._native is not None:
            with translated():
                credentials = Credentials(self._native.credentials())
        return None if credentials is None or credentials.token == self._ended_token else credentials

    async def login(self) -> None:
        """Logs in without connecting, after registering the user if ``register`` is set. Messages that are sent from then on
        wait for the connection.

        :meth:`connect`, :meth:`start` and ``async with`` do the same first. Of several concurrent calls, one logs in. Raises
        :class:`ClosedError` on a client that has ended.
        """
        await self._log_in()
        if self.state.kind is ConnectionKind.CLOSED:
            raise ClosedError("CLOSED", "the client has ended: create a new one")

    async def _log_in(self) -> None:
        if self._native is not None:
            return
        async with self._alone():
            # A concurrent call may have logged in.
            if self._native is not None:
                return
            if self._credentials is None:
                self._credentials = await self._enter()
            _native.used()
            with translated():
                native = self._open(self._credentials)
                if self._token_source is not None:
                    native.queue_token_requests(self._token_source.number)
            self._inbox = Inbox(native)
            self._native = native

    def _open(self, credentials: Credentials) -> _native.Client:
        if self._state_store is None:
            return _native.Client(credentials._native)
        self._store_requests = Requests(self._state_store)
        callbacks.store(self._store_requests)
        return _native.Client.with_queued_store(credentials._native, self._store_requests.reader)

    def _alone(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._login_lock is None or self._login_lock[0] is not loop:
            self._login_lock = loop, asyncio.Lock()
        return self._login_lock[1]

    async def _enter(self) -> Credentials:
        if self._password is None:
            with translated():
                return Credentials(_native.Credentials(self._config, self._username, self._token))
        enter = self._server.register_and_login if self._register else self._server.login
        return await enter(self._username, self._password, self._device)

    async def connect(self) -> None:
        """Logs in if necessary, and waits for one attempt to connect. After a success, the client reconnects as after
        :meth:`start`.

        Does nothing on a client that is online, and raises :class:`ClosedError` on one that has ended.
        """
        await self._log_in()
        with translated():
            await self._connection().connect()

    async def start(self) -> None:
        """Logs in if necessary, and begins to connect, without waiting for the connection. Raises :class:`ClosedError` on a
        client that has ended, as :meth:`suspend` and :meth:`resume` do."""
        await self._log_in()
        with translated():
            self._connection().start()

    async def disconnect(self) -> None:
        """Ends the client: writes what the server's rate allows at that moment, closes the connection, and waits for the
        close for a few seconds at most.

        A message that still waits for its turn ends as ``FAILED`` with the code ``DISCONNECTED``, one that was written and not
        answered as ``UNCONFIRMED``. If the client has a state, it keeps both, and they are ``PENDING``; when this returns,
        another client can use the state file. To be sure of messages, await their tickets first. Events that have arrived can
        still be taken.
        """
        if self._native is not None and self._inbox is not None:
            self._inbox.flush()
            with translated():
                await self._native.disconnect()

    async def logout(self) -> None:
        """Ends the session on the server: its connections close and its token becomes invalid."""
        credentials = self._current_credentials()
        if credentials is not None:
            await self._server.logout(credentials)
            self._ended_token = credentials.token
            self._credentials = None

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
        """Sends a message, without waiting for a connection: it is queued while there is none. If the client has a state, the
        message is in it when this returns. Await the ticket for the outcome.

        :param recipient: A username, a group ID or ``"BROADCAST"``.
        :param text: The text, in Markdown; it may be empty only beside an attachment.
        :param attachments: Files, by their URLs.
        :param confirm: Whether the recipient's client is asked to confirm the message. Ignored for a broadcast.
        :param metadata: Extensions, a JSON object. The protocol reserves the keys ``ack``, which ``confirm`` sets, and
            ``inReplyTo``, the ``payload_id`` of the message that this one answers.
        :param timeout: The time until the outcome, in seconds or as a ``timedelta``; the client's ``send_timeout`` unless given.
        """
        natives = arguments.attachments(attachments) if attachments != () else []
        recipient, text = errors.text(recipient, "recipient"), errors.text(text, "text")
        options = arguments.send_options(confirm, metadata, timeout)
        if self._store_requests is not None:
            self._store_requests.refuse_own_thread()
        with translated():
            return Ticket(self._connection().send(recipient, text, natives, options))

    @property
    def pending(self) -> List[Ticket]:
        """The messages without an outcome, in the order in which they were accepted.

        After the start of a client with a state, they are those that an earlier client accepted; a message that it accepted and
        that is not among them has an outcome, which that client reported.
        """
        with translated():
            return [Ticket(native) for native in self._connection().pending()]

    async def ping(self, recipient: str = "SERVER") -> timedelta:
        """Sends a ping to the server or to a user, and returns the time until the answer."""
        with translated():
            return await self._connection().ping(errors.text(recipient, "recipient"))

    def suspend(self) -> None:
        """Closes the connection until :meth:`resume`. Messages that wait go on waiting."""
        with translated():
            self._connection().suspend()

    def resume(self) -> None:
        """Connects again after :meth:`suspend`, or after a :meth:`connect` that failed. Any other client stays as it is."""
        with translated():
            self._connection().resume()

    def network_changed(self) -> None:
        """Tells the client that the network has changed. A client that waits to reconnect tries immediately; a connected one
        checks that its connection is alive. A client that has ended ignores it."""
        with translated():
            self._connection().network_changed()

    @property
    def state(self) -> ConnectionState:
        """The state of the connection."""
        if self._native is None:
            return ConnectionState(ConnectionKind.SUSPENDED)
        with translated():
            return connection_state(self._native.state())

    @property
    def stats(self) -> Stats:
        """Traffic counters since the client was created."""
        with translated():
            return Stats(**vars(self._connection().stats()))

    @property
    def limits(self) -> Limits:
        """The server's limits; the protocol's defaults before the first connection."""
        with translated():
            return Limits(**vars(self._connection().limits()))

    def listen(self, callback: Callable[[List[Event]], object]) -> None:
        """Passes all events to ``callback`` from now on, in batches, on a thread of its own. The last event is :class:`Closed`.

        The callback is an ordinary function, which may block and may call everything that is not a coroutine: :meth:`send`,
        :meth:`suspend`, :attr:`state`. What it raises is logged, and the next batch follows. Events cannot be taken in another
        way. A client has at most one listener: a second call raises :class:`InvalidArgument`. When the program ends, no further
        batch is passed on, and a callback that is running has two seconds to return.
        """
        callbacks.synchronous(callback, "callback")
        with translated():
            reader = self._connection().event_reader()
        callbacks.listen(self._events(), reader, callback)

    async def next_events(self, max: int = BATCH, timeout: Optional[Time] = None) -> List[Event]:
        """Takes up to ``max`` events, and waits at most ``timeout`` for the first; returns an empty list if there was none.

        Messages among them are confirmed to their senders. The last event is :class:`Closed`; after it, the call raises
        :class:`ClosedError`. Cancelling the call loses no event.
        """
        size, wait = batch_size(max), arguments.seconds(timeout, "timeout")
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
            except ClosedError:
                # The last event was taken.
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
        # Debuggers also show a client whose constructor failed.
        if "_config" not in vars(self) or "_username" not in vars(self):
            return "Client(not made)"
        return f"Client({self._config.url!r}, {self._username!r})"

    def _connection(self) -> _native.Client:
        if self._native is None:
            raise invalid(_NOT_STARTED)
        return self._native

    def _events(self) -> Inbox:
        if self._inbox is None:
            raise invalid(_NOT_STARTED)
        return self._inbox


_NOT_STARTED = "the client was not started: use `async with`, or call connect(), start() or login() first"
