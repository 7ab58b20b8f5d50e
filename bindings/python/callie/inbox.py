"""The events that a client's application takes, one after the other or in batches, and what it confirms of them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from time import monotonic
from typing import Any, Deque, List, Optional

from . import _native, arguments
from .errors import invalid, translated
from .events import Event, from_batch, from_json

#: Events fetched at one go: the cost of a call is spread over so many.
BATCH = 64
#: One wait is so long before it is begun again; only the end of the connection ends it earlier.
_WAIT_SECONDS = 600.0
#: An event that is handed out sooner after the last confirmation than this is confirmed with the next ones: a call each would
#: be a tenth of what an event costs.
_CONFIRM_SECONDS = 0.001


class Inbox:
    """Takes events from a native client.

    An iteration fetches a batch and hands its events out one by one: each is confirmed when it is handed out, or a moment
    later together with others, and what is left of the batch is handed out to whoever comes next.
    """

    def __init__(self, native: _native.Client) -> None:
        self._native = native
        #: Guards what follows: threads share a client.
        self._lock = threading.Lock()
        self._fetched: Deque[Event] = deque()
        #: The number of the next event to be handed out.
        self._next = 1
        #: Up to which events are confirmed, and when the last was.
        self._confirmed = 0
        self._confirmed_at = 0.0
        #: The loop that is to confirm the rest.
        self._flushes: Optional[asyncio.AbstractEventLoop] = None

    async def take(self, most: int, timeout: Optional[float]) -> List[Event]:
        """Takes up to ``most`` events, waiting for the first; none when none came in time."""
        # Who only takes events lets others have their turn, once for each batch.
        await asyncio.sleep(0)
        left = Left(timeout)
        while True:
            events = self.take_now(most)
            wait = 0.0 if events else left.seconds()
            if wait <= 0:
                return events
            await self.wait(wait)

    def take_now(self, most: int) -> List[Event]:
        """Takes up to ``most`` of the events that are there."""
        with self._lock, translated():
            if self._fetched:
                events = [self._fetched.popleft() for _ in range(min(most, len(self._fetched)))]
                self._next += len(events)
                self._confirm(monotonic())
                return events
            return from_batch(self._native.take_batch(most) or "[]")

    async def wait(self, seconds: float = _WAIT_SECONDS) -> None:
        """Waits for events, at most so long. It takes nothing, so cancelling it loses nothing."""
        with translated():
            await self._native.await_events(arguments.millis(min(seconds, _WAIT_SECONDS), "timeout"))

    async def fill(self) -> None:
        """Waits until there is an event to hand out."""
        await asyncio.sleep(0)
        while not self._fetch():
            await self.wait()

    def hand_out(self, loop: Optional[asyncio.AbstractEventLoop] = None) -> Optional[Event]:
        """The next event that was fetched; none if there is none.

        What is not confirmed here is confirmed when the loop runs on: the running one, or ``loop`` of another thread.
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

    def flush(self) -> None:
        """Confirms what was handed out."""
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
                    read = json.loads(batch)
                    self._next = read["first"]
                    self._fetched.extend(from_json(read["events"]))
            return bool(self._fetched)


class Left:
    """How much of a time is left."""

    def __init__(self, timeout: Optional[float]) -> None:
        self._until = None if timeout is None else monotonic() + timeout

    def seconds(self) -> float:
        return _WAIT_SECONDS if self._until is None else self._until - monotonic()


def batch_size(most: Any) -> int:
    """How many events are taken at most."""
    checked = arguments.whole(most, "max")
    if checked is None:
        raise invalid("max must be a whole number, at least 1")
    return checked
