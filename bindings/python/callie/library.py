"""What concerns the library as a whole: its log, its version, and its verdict on payloads."""

from __future__ import annotations

import logging
from typing import Any, Optional

from . import _native, callbacks
from .errors import invalid, text, translated
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


_reader: Any = None


def set_logger(level: Optional[int] = logging.INFO, logger: Optional[logging.Logger] = None) -> None:
    """Lets the native part log to ``logger``, by default the one named ``callie``, from ``level`` on.

    Lines hold no token and no text of a message. They come from one thread. With ``None`` for the level nothing is logged
    any more. What a listener or a token source raises is logged to ``logger`` too, whatever the level.
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
        # Another logger may have taken this one's place.
        if _reader is reader:
            logger.log(_NUMBERS[line.level], "%s: %s", line.target, line.text)

    callbacks.log(reader, write)


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
