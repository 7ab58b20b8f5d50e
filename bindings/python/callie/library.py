"""What concerns the library as a whole: its log, its version, and its verdict on payloads."""

from __future__ import annotations

import atexit
import logging
import time
from typing import Any, Optional

from . import _native
from .errors import InvalidArgument, text, translated
from .values import PayloadFault

#: Below logging.DEBUG, for everything.
TRACE = 5

_LEVELS = {
    logging.ERROR: _native.LogLevel.ERROR,
    logging.WARNING: _native.LogLevel.WARN,
    logging.INFO: _native.LogLevel.INFO,
    logging.DEBUG: _native.LogLevel.DEBUG,
    TRACE: _native.LogLevel.TRACE,
}
_NUMBERS = {level: number for number, level in _LEVELS.items()}


class _Sink(_native.LogSink):
    """Writes to a logger of the standard library."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def log(self, level: Any, target: str, text: str) -> None:
        self._logger.log(_NUMBERS[level], "%s: %s", target, text)


def set_logger(level: Optional[int] = logging.INFO, logger: Optional[logging.Logger] = None) -> None:
    """Lets the native part log to ``logger``, by default the one named ``callie``, from ``level`` on.

    Lines hold no token and no text of a message. They come from one thread of the library. With ``None`` for the level
    nothing is logged any more.
    """
    if level is None:
        with translated():
            _native.set_logger(_native.LogLevel.ERROR, None)
        return
    if level not in _LEVELS:
        raise InvalidArgument("INVALID_ARGUMENT", "the level must be one of logging's, or callie.TRACE")
    with translated():
        _native.set_logger(_LEVELS[level], _Sink(logger or logging.getLogger("callie")))


def version() -> str:
    """The version of the native part."""
    return _native.version()


def check_payload(payload: str) -> Optional[PayloadFault]:
    """What is wrong with a text that a client would send to a server with the default limits; none if it is valid."""
    return _fault(_native.check_payload(text(payload, "the payload")))


def check_server_payload(payload: str) -> Optional[PayloadFault]:
    """What is wrong with a text that a server would send to a client; none if it is valid."""
    return _fault(_native.check_server_payload(text(payload, "the payload")))


def _fault(native: Any) -> Optional[PayloadFault]:
    return None if native is None else PayloadFault(native.code, native.path, native.reason)


#: Far over what a thread takes to leave a callback, and nothing that a person notices.
_LEAVE_SECONDS = 0.02


def _leave() -> None:
    """Lets the library's threads leave their callbacks: when Python has ended they cannot, and the process would abort."""
    _native.set_logger(_native.LogLevel.ERROR, None)
    time.sleep(_LEAVE_SECONDS)


atexit.register(_leave)
