"""What may be left out when a server or a client is made, for type checkers. Times are seconds."""

from __future__ import annotations

from typing import Callable, Iterable, Optional, TypedDict


class Options(TypedDict, total=False):
    """The options of a :class:`callie.Server`: the library's defaults take the place of what is left out."""

    #: For finding the host, the proxy, TCP and TLS; 15 unless given.
    connect_timeout: Optional[float]
    #: For one HTTP call, the WebSocket's upgrade or its authentication; 30 unless given.
    exchange_timeout: Optional[float]
    #: For a message, a ping or a command to its end, connected or not; 60 unless given.
    send_timeout: Optional[float]
    #: How many messages may wait for their end.
    max_waiting: Optional[int]
    #: How many events may wait to be taken; 1,024 unless given.
    event_queue: Optional[int]
    #: Certificates of authorities to trust beside the bundled ones, each in PEM.
    extra_roots: Iterable[str]
    #: Whether the authorities that Mozilla trusts are trusted.
    bundled_roots: bool
    #: Keys of which the server's certificate, or one that vouches for it, must have one: SHA-256, in hex.
    pins: Iterable[str]
    #: Whether the proxy of the environment is used.
    use_proxy: bool


class ClientOptions(Options, total=False):
    """The options of a client."""

    #: In place of a password: that of an earlier login.
    token: Optional[str]
    #: Whether the user is made first, unless the name is taken.
    register: bool
    #: What the list of the user's sessions calls this one.
    device: Optional[str]
    #: Where a new token comes from, see :class:`callie.Client`.
    token_source: Optional[Callable[[str, str], str]]
