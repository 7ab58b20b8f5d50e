"""The errors: one class for each kind, with a stable code and a reason."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional, Tuple, Type

from . import _native


class CallieError(Exception):
    """Any error of this package."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        #: Stable, for programs. Of :class:`Refused`, the server's code.
        self.code = code
        #: For people.
        self.reason = reason

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.code, self.reason), self.__dict__


class InvalidArgument(CallieError, ValueError):
    """An argument is malformed, or the client was not started. Nothing was sent."""


class Unreachable(CallieError, ConnectionError):
    """The server cannot be reached, its certificate is not trusted, or the connection broke during the request."""


class TimedOut(CallieError, TimeoutError):
    """The server did not answer in time."""


class Refused(CallieError):
    """The server refused the request."""


class BadAnswer(CallieError):
    """The server's answer violates the protocol."""


class QueueFull(CallieError):
    """Too many messages have no outcome yet, or too many events wait to be taken."""


class ClosedError(CallieError, ConnectionError):
    """The client has ended. Create a new one."""


class StateError(CallieError):
    """The state that the client keeps beyond its process cannot be read or written. The code begins with ``STATE_``."""


class Internal(CallieError):
    """An internal error of the library or the operating system. The code is ``FORKED`` in a child of a process that used
    the library before the fork."""


_BY_KIND = {
    "INVALID_ARGUMENT": InvalidArgument,
    "UNREACHABLE": Unreachable,
    "TIMED_OUT": TimedOut,
    "REFUSED": Refused,
    "BAD_ANSWER": BadAnswer,
    "QUEUE_FULL": QueueFull,
    "CLOSED": ClosedError,
    "STATE": StateError,
    "INTERNAL": Internal,
}


class _Translated:
    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Any, trace: Optional[TracebackType]
    ) -> None:
        if error is None:
            return
        if isinstance(error, _native.CallError):
            raise _BY_KIND[error.kind.name](error.code, error.reason) from None
        if isinstance(error, _native.ForkedError):
            raise Internal(error.code, error.reason) from None
        if isinstance(error, _native.InternalError):
            raise Internal("INTERNAL", str(error)) from error


_TRANSLATED = _Translated()


def translated() -> _Translated:
    """Converts the errors of the generated module to those of this one."""
    return _TRANSLATED


def invalid(reason: str) -> InvalidArgument:
    """The error for a malformed argument."""
    return InvalidArgument("INVALID_ARGUMENT", reason)


def text(value: object, name: str) -> str:
    """Checks that an argument is a text that UTF-8 can represent."""
    if not isinstance(value, str):
        raise invalid(f"{name} must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid(f"{name} must not hold lone surrogates") from None
    return value
