"""Takes events from the native library, one by one or in batches, and confirms them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from datetime import timedelta
from time import monotonic
from typing import Any, Deque, List, Optional

from . import _native, arguments, jsontext
from .errors import invalid, translated
from .events import Event, from_batch, from_json

#: The number of events that are fetched by one call, which share its cost.
BATCH = 64
#: The length of a single wait. A longer wait is divided.
_WAIT_SECONDS = 600.0
#: The minimum time between two confirmations. Events that are passed on in between are confirmed together: a call for each
#: would be a tenth of the cost of an event.
_CONFIRM_SECONDS = 0.001


class Inbox:
    """Takes events from a native client.

    An iteration fetches a batch and passes its events on one by one. Each is confirmed when it is passed on, or shortly after
    together with others. The rest of a batch is passed to the next caller.
    """

    def __init__(self, native: _native.Client) -> None:
        self._native = native
        #: Guards the following fields: several threads may use a client.
        self._lock = threading.Lock()
        self._fetched: Deque[Event] = deque()
        #: The number of the next event to pass on.
        self._next = 1
        #: The number of the last confirmed event, and the time of the confirmation.
        self._confirmed = 0
        self._confirmed_at = 0.0
        #: The event loop that will confirm the rest.
        self._flushes: Optional[asyncio.AbstractEventLoop] = None

    async def take(self, most: int, timeout: Optional[float]) -> List[Event]:
        """Takes up to ``most`` events, and waits at most ``timeout`` for the first."""
        # Other tasks run once for each batch, even if events arrive continuously.
        await asyncio.sleep(0)
        left = Left(timeout)
        while True:
            events = self.take_now(most)
            wait = 0.0 if events else left.seconds()
            if wait <= 0:
                return events
            await self.wait(wait)

    def take_now(self, most: int) -> List[Event]:
        """Takes up to ``most`` of the events that are available."""
        with self._lock, translated():
            if self._fetched:
                events = [self._fetched.popleft() for _ in range(min(most, len(self._fetched)))]
                self._next += len(events)
                self._confirm(monotonic())
                return events
            return from_batch(self._native.take_batch(most) or "[]")

    async def wait(self, seconds: float = _WAIT_SECONDS) -> None:
        """Waits for an event, at most ``seconds``. It takes no event, so cancelling it loses none. It may return early."""
        # An iteration that was interrupted may have fetched it.
        if self._fetched:
            return
        with translated():
            await self._native.await_events(timedelta(seconds=min(seconds, _WAIT_SECONDS)))

    async def fill(self) -> None:
        """Waits until there is an event to pass on."""
        await asyncio.sleep(0)
        while not self._fetch():
            await self.wait()

    def hand_out(self, loop: Optional[asyncio.AbstractEventLoop] = None) -> Optional[Event]:
        """Passes on the next fetched event; ``None`` if there is none.

        If it is not confirmed here, it is confirmed in the next iteration of the event loop: the running one, or ``loop`` of
        another thread.
        """
        with self._lock:
            if not self._fetched:
                return None
            event = self._fetched.popleft()
            self._next += 1
            now = monotonic()
            if not self._fetched or now - self._confirmed_at >= _CONFIRM_SECONDS:
                self._confirm(now)
                return event
            runs = loop or asyncio.get_running_loop()
            if self._flushes is not runs:
                self._flushes = runs
                soon = runs.call_soon if loop is None else runs.call_soon_threadsafe
                soon(self.flush)
            return event

    def drain(self) -> List[Event]:
        """Takes the fetched events, for a listener."""
        with self._lock:
            events = list(self._fetched)
            self._fetched.clear()
            self._next += len(events)
            self._confirm(monotonic())
            return events

    def flush(self) -> None:
        """Confirms the events that were passed on."""
        with self._lock:
            self._flushes = None
            self._confirm(monotonic())

    def _confirm(self, now: float) -> None:
        through = self._next - 1
        if self._confirmed < through:
            self._confirmed, self._confirmed_at = through, now
            with translated():
                self._native.confirm_taken(through)

    def _fetch(self) -> bool:
        with self._lock, translated():
            if not self._fetched:
                batch = self._native.fetch_batch(BATCH)
                if batch:
                    read = jsontext.read(batch)
                    self._next = read["first"]
                    self._fetched.extend(from_json(read["events"]))
            return bool(self._fetched)


class Left:
    """The rest of a timeout."""

    def __init__(self, timeout: Optional[float]) -> None:
        self._until = None if timeout is None else monotonic() + timeout

    def seconds(self) -> float:
        return _WAIT_SECONDS if self._until is None else self._until - monotonic()


def batch_size(most: Any) -> int:
    """Checks the maximum number of events in a batch."""
    checked = arguments.whole(most, "max")
    if checked is None:
        raise invalid("max must be a whole number, at least 1")
    return checked
