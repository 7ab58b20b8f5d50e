"""Arguments, checked and made ready for the native part."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, List, Optional

from . import _native
from .errors import InvalidArgument, text


def millis(seconds: Optional[float], name: str) -> Optional[int]:
    """A time in milliseconds."""
    if seconds is None:
        return None
    if not isinstance(seconds, (int, float)) or not 0 < seconds <= 4_000_000:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a number of seconds above 0")
    return max(1, round(seconds * 1000))


def whole(number: Optional[int], name: str, most: int = 2**32 - 1) -> Optional[int]:
    """A number of things."""
    if number is not None and (not isinstance(number, int) or not 1 <= number <= most):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a whole number from 1 to {most}")
    return number


def texts(values: Iterable[str], name: str) -> List[str]:
    """A list of texts; a text alone is none."""
    if isinstance(values, str):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must come in a list")
    return [text(value, name) for value in values]


def optional_text(value: Optional[str], name: str) -> Optional[str]:
    """A text that may be left out."""
    return None if value is None else text(value, name)


def word(enum: Any, value: str, name: str) -> Any:
    """One of an enum's words, such as ``"admin"``."""
    words = {member.name.lower(): member for member in enum}
    if value not in words:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be one of {', '.join(words)}")
    return words[value]


def instant_ms(value: Optional[datetime], name: str) -> Optional[int]:
    """An instant in milliseconds since 1970."""
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a datetime with a time zone")
    return round(value.timestamp() * 1000)


def config(
    url: str,
    *,
    connect_timeout: Optional[float] = None,
    exchange_timeout: Optional[float] = None,
    send_timeout: Optional[float] = None,
    max_waiting: Optional[int] = None,
    event_queue: Optional[int] = None,
    extra_roots: Iterable[str] = (),
    bundled_roots: bool = True,
    pins: Iterable[str] = (),
    use_proxy: bool = True,
) -> _native.Config:
    """The configuration of a server or a client."""
    return _native.Config(
        url=text(url, "the server"),
        connect_timeout_ms=millis(connect_timeout, "connect_timeout"),
        exchange_timeout_ms=millis(exchange_timeout, "exchange_timeout"),
        send_timeout_ms=millis(send_timeout, "send_timeout"),
        max_waiting=whole(max_waiting, "max_waiting"),
        event_queue=whole(event_queue, "event_queue"),
        extra_roots=texts(extra_roots, "an extra root"),
        bundled_roots=bool(bundled_roots),
        pins=texts(pins, "a pin"),
        use_proxy=bool(use_proxy),
    )


def send_options(
    confirm: bool, metadata: Optional[str], timeout: Optional[float]
) -> Optional[_native.SendOptions]:
    """How a message is sent, where it is not as usual: to hand options over costs time."""
    if confirm and metadata is None and timeout is None:
        return None
    return _native.SendOptions(
        confirm=bool(confirm), metadata=metadata, timeout_ms=millis(timeout, "the timeout")
    )


def parameters(given: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    """The parameters of a command; none are an empty object."""
    return {} if given is None else given
