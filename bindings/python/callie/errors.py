"""What can go wrong: one class per kind, each with a stable code and a reason."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

from . import _native


class CallieError(Exception):
    """Any error of this package."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{reason} ({code})")
        #: Stable, for programs: the server's own code for :class:`Refused`.
        self.code = code
        #: For people.
        self.reason = reason


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
    """A fault of the library, or of the system under it."""


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


@contextmanager
def translated() -> Iterator[None]:
    """Turns the errors of the generated module into those of this one."""
    try:
        yield
    except _native.ERRORS as error:
        raise _BY_NAME[type(error).__name__](error.code, error.reason) from None
    except _native.InternalError as error:
        raise Internal("INTERNAL", str(error)) from error


def text(value: object, name: str) -> str:
    """Checks that an argument is a text that can cross the border."""
    if not isinstance(value, str):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a str, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must not hold lone surrogates") from None
    return value
