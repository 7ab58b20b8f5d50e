"""Arguments, checked and made ready for the native part."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, List, Optional

from . import _native
from .errors import invalid, text
from .events import Attachment

#: The longest time that is told to the native part, some 146 million years: a longer one, and one without end, is this.
_ENDLESS_MS = 2**62


def seconds(value: Optional[float], name: str) -> Optional[float]:
    """A time, of any size."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid(f"{name} must be a number of seconds, not {type(value).__name__}")
    # Not a number is not at least 0 either.
    if not value >= 0:
        raise invalid(f"{name} must be a number of seconds, 0 or more; there is no upper bound")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def millis(value: Optional[float], name: str) -> Optional[int]:
    """A time in milliseconds: a fraction of one is a whole one."""
    given = seconds(value, name)
    if given is None:
        return None
    return _ENDLESS_MS if given * 1000 >= _ENDLESS_MS else -int(-given * 1000 // 1)


def whole(number: Optional[int], name: str, most: int = 2**32 - 1) -> Optional[int]:
    """A number of things."""
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise invalid(f"{name} must be a whole number from 1 to {most}")
    return number


def flag(value: object, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise invalid(f"{name} must be True or False, not {type(value).__name__}")
    return value


def _listed(values: Any, name: str) -> List[Any]:
    """What a list, a tuple or another iterable holds. A text and a dict can be iterated over, and are no list."""
    if not isinstance(values, (str, bytes, bytearray, dict)):
        try:
            return list(values)
        except TypeError:
            pass
    raise invalid(f"{name} must be a list, not {type(values).__name__}")


def texts(values: Iterable[str], name: str, item: str) -> List[str]:
    """A list of texts."""
    return [text(value, item) for value in _listed(values, name)]


def attachments(values: Iterable[Attachment]) -> List[_native.Attachment]:
    """A list of attachments."""
    natives = []
    for value in _listed(values, "attachments"):
        if not isinstance(value, Attachment):
            raise invalid(f"an attachment must be a callie.Attachment, not {type(value).__name__}")
        natives.append(value._to_native())
    return natives


def optional_text(value: Optional[str], name: str) -> Optional[str]:
    """A text that may be left out."""
    return None if value is None else text(value, name)


def word(enum: Any, value: str, name: str) -> Any:
    """One of an enum's words, such as ``"admin"``."""
    words = {member.name.lower(): member for member in enum}
    if not isinstance(value, str) or value not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}")
    return words[value]


def instant_ms(value: Optional[datetime], name: str) -> Optional[int]:
    """An instant in milliseconds since 1970."""
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise invalid(f"{name} must be a datetime with a time zone")
    try:
        return round(value.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise invalid(f"{name} is out of range") from None


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
        extra_roots=texts(extra_roots, "extra_roots", "an extra root"),
        bundled_roots=flag(bundled_roots, "bundled_roots"),
        pins=texts(pins, "pins", "a pin"),
        use_proxy=flag(use_proxy, "use_proxy"),
    )


def send_options(
    confirm: bool, metadata: Optional[str], timeout: Optional[float]
) -> Optional[_native.SendOptions]:
    """How a message is sent, where it is not as usual: to hand options over costs time."""
    if confirm is True and metadata is None and timeout is None:
        return None
    return _native.SendOptions(
        confirm=flag(confirm, "confirm"), metadata=metadata, timeout_ms=millis(timeout, "the timeout")
    )


def parameters(given: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    """The parameters of a command; none are an empty object."""
    return {} if given is None else given
