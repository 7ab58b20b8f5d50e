"""What can go wrong: one class per kind, each with a stable code and a reason."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Optional, Tuple, Type

from . import _native


class CallieError(Exception):
    """Any error of this package."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        #: Stable, for programs: the server's own code for :class:`Refused`.
        self.code = code
        #: For people.
        self.reason = reason

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.code, self.reason), self.__dict__


class InvalidArgument(CallieError, ValueError):
    """An argument is not of the form it must have, or the client has not begun. Nothing was sent."""


class Unreachable(CallieError, ConnectionError):
    """The server could not be reached, or the link broke while it was asked."""


class TimedOut(CallieError, TimeoutError):
    """The server did not answer in time."""


class Refused(CallieError):
    """The server said no."""


class BadAnswer(CallieError):
    """The server's answer is not the protocol."""


class QueueFull(CallieError):
    """Too many messages wait for their end, or too many events to be taken."""


class ConnectionClosed(CallieError, ConnectionError):
    """The client has ended: make a new one."""


class Internal(CallieError):
    """A fault of the library, or of the system under it; ``FORKED`` when it was used in this process's parent."""


_BY_NAME = {
    "InvalidArgument": InvalidArgument,
    "Unreachable": Unreachable,
    "TimedOut": TimedOut,
    "Refused": Refused,
    "BadAnswer": BadAnswer,
    "QueueFull": QueueFull,
    "Closed": ConnectionClosed,
    "Internal": Internal,
}


class _Translated:
    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Any, trace: Optional[TracebackType]
    ) -> None:
        if error is None:
            return
        if isinstance(error, _native.ERRORS):
            raise _BY_NAME[type(error).__name__](error.code, error.reason) from None
        if isinstance(error, _native.ForkedError):
            raise Internal(error.code, error.reason) from None
        if isinstance(error, _native.InternalError):
            raise Internal("INTERNAL", str(error)) from error


_TRANSLATED = _Translated()


def translated() -> _Translated:
    """Turns the errors of the generated module into those of this one."""
    return _TRANSLATED


def invalid(reason: str) -> InvalidArgument:
    """An argument is not of the form it must have."""
    return InvalidArgument("INVALID_ARGUMENT", reason)


def text(value: object, name: str) -> str:
    """Checks that an argument is a text that can cross the border."""
    if not isinstance(value, str):
        raise invalid(f"{name} must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid(f"{name} must not hold lone surrogates") from None
    return value
