"""The library as a whole: its log, its version, and the validation of payloads."""

from __future__ import annotations

import logging
from typing import Any, Optional

from . import _native, callbacks
from .errors import invalid, text, translated
from .values import Fault

#: A level below ``logging.DEBUG``, which logs everything.
TRACE = 5

_LEVELS = {
    logging.ERROR: _native.LogLevel.ERROR,
    logging.WARNING: _native.LogLevel.WARN,
    logging.INFO: _native.LogLevel.INFO,
    logging.DEBUG: _native.LogLevel.DEBUG,
    TRACE: _native.LogLevel.TRACE,
}
_NUMBERS = {level: number for number, level in _LEVELS.items()}


_reader: Any = None
# Read before any fork: in a child of a process that used the library, no native call is made.
_VERSION: str = _native.version()


def set_logger(level: Optional[int] = logging.INFO, logger: Optional[logging.Logger] = None) -> None:
    """Sends the library's log from ``level`` on to ``logger``, which is the logger named ``callie`` unless given.

    Lines contain no tokens and no message texts. They come from one thread. ``None`` for the level stops logging. Exceptions
    of listeners and token sources are logged to ``logger`` at any level.
    """
    global _reader
    if level is not None and (isinstance(level, bool) or not isinstance(level, int) or level not in _LEVELS):
        raise invalid("the level must be one of logging's, callie.TRACE or None")
    if logger is None:
        logger = logging.getLogger("callie")
    elif not isinstance(logger, (logging.Logger, logging.LoggerAdapter)):
        raise invalid(f"the logger must be a logging.Logger, not {type(logger).__name__}")
    callbacks.logger = logger
    if level is None:
        _reader = None
        with translated():
            _native.stop_logging()
        return
    _native.used()
    with translated():
        reader = _reader = _native.LogReader(_LEVELS[level])

    def write(line: Any) -> None:
        # A later call may have replaced this logger.
        if _reader is reader:
            logger.log(_NUMBERS[line.level], "%s: %s", line.target, line.text)

    callbacks.log(reader, write)


def version() -> str:
    """Returns the version of the library, such as ``"0.1.0"``."""
    return _VERSION


def check_payload(payload: str) -> Optional[Fault]:
    """Returns the first fault of a text that a client would send to a server with default limits; ``None`` if it is valid."""
    with translated():
        return _fault(_native.check_payload(text(payload, "payload")))


def check_server_payload(payload: str) -> Optional[Fault]:
    """Returns the first fault of a text that a server would send to a client; ``None`` if it is valid."""
    with translated():
        return _fault(_native.check_server_payload(text(payload, "payload")))


def _fault(native: Any) -> Optional[Fault]:
    return None if native is None else Fault(native.code, native.path, native.reason)
