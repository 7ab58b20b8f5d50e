"""Calls the callbacks of the application, on threads of this interpreter, until the interpreter ends."""

from __future__ import annotations

import atexit
import inspect
import itertools
import logging
import os
import threading
import weakref
from typing import Any, Callable, List

from . import _native, wakeups
from .errors import InvalidArgument, text
from .events import Event, from_batch
from .inbox import Inbox
from .store import Requests

#: The time that running callbacks have to return at exit. One that takes longer is abandoned, like every daemon thread.
LEAVE_SECONDS = 2.0


class _Gate:
    """Allows callbacks to run until the interpreter ends."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._running = 0
        self._shut = False

    def call(self, function: Callable[..., object], *given: Any) -> bool:
        """Calls a function that does not raise. Returns false if the interpreter is ending."""
        with self._changed:
            if self._shut:
                return False
            self._running += 1
        try:
            function(*given)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
        return True

    def shut(self) -> None:
        """Prevents further callbacks, and waits for those that are running."""
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._running == 0, LEAVE_SECONDS)


_gate = _Gate()
#: The logger for exceptions of callbacks: that of :func:`callie.set_logger`.
logger = logging.getLogger("callie")


def _failed(what: str, error: BaseException) -> None:
    try:
        logger.error("%s raised %s: %s", what, type(error).__name__, error, exc_info=error)
    except BaseException:
        # The logger itself failed.
        pass


def _start(target: Callable[..., object], name: str, *given: Any) -> None:
    threading.Thread(target=target, args=given, name=name, daemon=True).start()


def synchronous(function: Any, name: str) -> None:
    """Checks that an argument is an ordinary function."""
    if not callable(function):
        raise InvalidArgument("INVALID_ARGUMENT", f"{name} must be a function, not {type(function).__name__}")
    if any(inspect.iscoroutinefunction(f) for f in (function, getattr(function, "__call__", None))):
        reason = f"{name} must be an ordinary function, not a coroutine function: it is called on a thread of its own"
        raise InvalidArgument("INVALID_ARGUMENT", reason)


# Listeners.


def listen(inbox: Inbox, reader: Any, callback: Callable[[List[Event]], object]) -> None:
    """Passes a client's events to ``callback`` from now on: first those that an iteration has fetched and not passed on."""
    # The thread removes the inbox from the list, because it would keep its client alive.
    _start(_listen, "callie-listener", [inbox], reader, callback)


def _listen(inboxes: List[Inbox], reader: Any, callback: Callable[[List[Event]], object]) -> None:
    if not _gate.call(_hand_out, inboxes.pop().drain, callback):
        return
    while reader.wait():
        if not _gate.call(_hand_out, lambda: from_batch(reader.take() or "[]"), callback):
            return


def _hand_out(take: Callable[[], List[Event]], callback: Callable[[List[Event]], object]) -> None:
    events = take()
    if events:
        try:
            callback(events)
        except BaseException as error:
            _failed("a listener", error)


# Token sources.


class TokenSource:
    """The token source of an application."""

    def __init__(self, source: Callable[[str, str], str]) -> None:
        synchronous(source, "token_source")
        self._source = source
        #: Identifies the source in requests.
        self.number = next(_numbers)
        _sources[self.number] = self

    def ask(self, username: str, code: str) -> str:
        token: Any = self._source(username, code)
        if inspect.iscoroutine(token):
            token.close()
        return text(token, "token")


_numbers = itertools.count(1)
_sources: "weakref.WeakValueDictionary[int, TokenSource]" = weakref.WeakValueDictionary()


def _on_token_request(number: int) -> None:
    try:
        _start(_gate.call, "callie-token", _answer, number)
    except RuntimeError as error:
        _native.answer_token_request(number, None, str(error))


def _answer(number: int) -> None:
    request = _native.token_request(number)
    source = None if request is None else _sources.get(request.source)
    if source is None:
        _native.answer_token_request(number, None, "the client is gone")
        return
    try:
        token = source.ask(request.username, request.reason_code)
    except BaseException as error:
        _failed("a token source", error)
        _native.answer_token_request(number, None, f"the token source raised {type(error).__name__}: {error}")
    else:
        _native.answer_token_request(number, token, "")


wakeups.on_token_request.append(_on_token_request)


# Stores.


def store(requests: Requests) -> None:
    """Answers the requests of a client to its store, on a thread that ends with the client."""
    _start(_answer_store, "callie-state", requests)


def _answer_store(requests: Requests) -> None:
    while True:
        request = requests.reader.next()
        if request is None:
            return
        if not _gate.call(_answer_request, requests, request):
            requests.reader.answer([], "the program ends")


def _answer_request(requests: Requests, request: Any) -> None:
    try:
        requests.answer(request)
    except BaseException as error:
        _failed("a state store", error)


# The log.


def log(reader: Any, write: Callable[[Any], None]) -> None:
    """Passes the lines of ``reader`` to ``write``."""
    _start(_log, "callie-log", reader, write)


def _log(reader: Any, write: Callable[[Any], None]) -> None:
    while True:
        line = reader.next()
        if line is None or not _gate.call(_write, write, line):
            return


def _write(write: Callable[[Any], None], line: Any) -> None:
    try:
        write(line)
    except BaseException as error:
        _failed("a log handler", error)


def _leave() -> None:
    _gate.shut()


def _after_fork() -> None:
    """In a child of the process: the running callbacks belong to the parent."""
    global _gate
    _gate = _Gate()


atexit.register(_leave)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
