"""Arguments, checked and converted for the native library."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any, Dict, Iterable, List, Optional, Union

from . import _native, jsontext
from .errors import invalid
from .errors import text as text
from .events import Attachment

#: A length of time: seconds, or a timedelta.
Time = Union[float, timedelta]

#: The path of a file.
Path = Union[str, "os.PathLike[str]"]

#: The most entries of one page.
_MOST_ENTRIES = 200


def seconds(value: Optional[Time], name: str) -> Optional[float]:
    """A length of time, in seconds."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid(f"{name} must be a number of seconds or a timedelta, not {type(value).__name__}")
    # NaN is not at least 0 either.
    if not value >= 0:
        raise invalid(f"{name} must be 0 seconds or more")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def duration(value: Optional[Time], name: str) -> Optional[timedelta]:
    """A length of time. One that is too long for a timedelta, or has no end, is the longest."""
    given = seconds(value, name)
    if given is None:
        return None
    try:
        return timedelta(seconds=given)
    except OverflowError:
        return timedelta.max


def path(value: Optional[Path], name: str) -> Optional[str]:
    """The path of a file."""
    if value is None:
        return None
    if not isinstance(value, (str, os.PathLike)):
        raise invalid(f"{name} must be a str or a path, not {type(value).__name__}")
    return text(os.fspath(value), name)


def whole(number: Optional[int], name: str, most: int = 2**32 - 1) -> Optional[int]:
    """A count, at least 1."""
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise invalid(f"{name} must be a whole number from 1 to {most}")
    return number


def page_limit(number: Optional[int], name: str) -> Optional[int]:
    """The number of entries of a page."""
    return whole(number, name, _MOST_ENTRIES)


def flag(value: object, name: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise invalid(f"{name} must be True or False, not {type(value).__name__}")
    return value


def _listed(values: Any, name: str) -> List[Any]:
    """The elements of a list, a tuple or another iterable. A text and a dict can be iterated over, and are no lists."""
    if not isinstance(values, (str, bytes, bytearray, dict)):
        try:
            return list(values)
        except TypeError:
            pass
    raise invalid(f"{name} must be a list, not {type(values).__name__}")


def texts(values: Iterable[str], name: str) -> List[str]:
    """A list of texts."""
    return [text(value, f"each of {name}") for value in _listed(values, name)]


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


def json(value: Any, name: str) -> Optional[str]:
    """A JSON value that may be left out."""
    return None if value is None else jsontext.write(value, name)


def _word(kind: Any, value: Optional[str], name: str) -> Any:
    """A member of an enum of the native library, by this package's member or its text; none if it is left out."""
    if value is None:
        return None
    words = {member.name.lower(): member for member in kind}
    if not isinstance(value, str) or value not in words:
        raise invalid(f"{name} must be one of {', '.join(words)}")
    return words[value]


def _required_word(kind: Any, value: str, name: str) -> Any:
    word = _word(kind, value, name)
    if word is None:
        raise invalid(f"{name} must not be None")
    return word


def role(value: str, name: str) -> Any:
    """A role in a group."""
    return _required_word(_native.Role, value, name)


def visibility(value: str, name: str) -> Any:
    """The visibility of a group."""
    return _required_word(_native.Visibility, value, name)


def presence_audience(value: Optional[str], name: str) -> Any:
    """Who can see whether a user is online."""
    return _word(_native.PresenceAudience, value, name)


def direct_messages(value: Optional[str], name: str) -> Any:
    """Who can send a user direct messages."""
    return _word(_native.DirectMessages, value, name)


def instant(value: Optional[datetime], name: str) -> Optional[datetime]:
    """A point in time."""
    if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
        raise invalid(f"{name} must be a datetime with a time zone")
    return value


def config(
    url: str,
    *,
    connect_timeout: Optional[Time] = None,
    request_timeout: Optional[Time] = None,
    send_timeout: Optional[Time] = None,
    max_waiting: Optional[int] = None,
    event_queue: Optional[int] = None,
    extra_roots: Iterable[str] = (),
    bundled_roots: bool = True,
    pins: Iterable[str] = (),
    use_proxy: bool = True,
    state_file: Optional[Path] = None,
) -> _native.Config:
    """The configuration of a server or a client."""
    return _native.Config(
        url=text(url, "the server"),
        connect_timeout=duration(connect_timeout, "connect_timeout"),
        request_timeout=duration(request_timeout, "request_timeout"),
        send_timeout=duration(send_timeout, "send_timeout"),
        max_waiting=whole(max_waiting, "max_waiting"),
        event_queue=whole(event_queue, "event_queue"),
        extra_roots=texts(extra_roots, "extra_roots"),
        bundled_roots=flag(bundled_roots, "bundled_roots"),
        pins=texts(pins, "pins"),
        use_proxy=flag(use_proxy, "use_proxy"),
        state_file=path(state_file, "state_file"),
    )


def send_options(
    confirm: bool, metadata: Optional[Dict[str, Any]], timeout: Optional[Time]
) -> Optional[_native.SendOptions]:
    """The options of a send; none where all have their defaults, as passing them takes time."""
    if confirm is True and metadata is None and timeout is None:
        return None
    return _native.SendOptions(
        confirm=flag(confirm, "confirm"),
        metadata=None if metadata is None else jsontext.write_object(metadata, "metadata"),
        timeout=duration(timeout, "timeout"),
    )
