"""The options of servers and clients, for type checkers. A length of time is a number of seconds or a ``timedelta``."""

from __future__ import annotations

from typing import Callable, Iterable, Optional, TypedDict

from .arguments import Path, Time
from .store import StateStore


class Options(TypedDict, total=False):
    """The options of a :class:`callie.Server`. What is left out has the library's default."""

    #: For the name lookup, the proxy, TCP and TLS; 15 s unless given.
    connect_timeout: Optional[Time]
    #: For an HTTP request, the WebSocket handshake or the authentication; 30 s unless given.
    request_timeout: Optional[Time]
    #: For a message, a ping or a command until its outcome, connected or not; 60 s unless given.
    send_timeout: Optional[Time]
    #: The maximum number of messages, pings and commands without an outcome; 1,000 unless given. Further ones are refused.
    max_waiting: Optional[int]
    #: The maximum number of events that wait to be taken; 1,024 unless given. Until some are taken, nothing more is read.
    event_queue: Optional[int]
    #: Root certificates to trust besides the bundled ones, each a text in PEM.
    extra_roots: Iterable[str]
    #: Whether the root certificates that Mozilla trusts are trusted; true unless given.
    bundled_roots: bool
    #: Public keys of which the server's certificate chain must contain one: the SHA-256 of a SubjectPublicKeyInfo in
    #: hexadecimal.
    pins: Iterable[str]
    #: Whether a proxy that the environment names is used; true unless given.
    use_proxy: bool
    #: A file in which a client of the server keeps messages without an outcome, and which messages the application took. The
    #: next client with the file sends the messages, and delivers none again that was taken. It is created if it is missing,
    #: with a file of the same name and ``.lock`` beside it. It contains texts of messages, and no token. One client at a time
    #: can use it. Nothing is kept unless given.
    state_file: Optional[Path]


class ClientOptions(Options, total=False):
    """The options of a :class:`callie.Client`."""

    #: The token of an earlier login, in place of a password.
    token: Optional[str]
    #: Whether the user is registered first, unless the name is taken.
    register: bool
    #: The name of the new session in the list of the user's sessions.
    device: Optional[str]
    #: Keeps the state in place of ``state_file``.
    state_store: Optional[StateStore]
    #: Returns a new token, see :class:`callie.Client`.
    token_source: Optional[Callable[[str, str], str]]
