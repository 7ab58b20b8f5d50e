"""Resumes the futures of the native library on a thread of this interpreter.

An interpreter that ends also ends the native threads that enter it, which aborts the process. Therefore native threads only
queue their wake-ups, and a thread of the interpreter fetches them.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import threading
from typing import Any, Callable, Dict, List, Tuple

# The code that uniffi generates has no types for a type checker.
generated: Any = importlib.import_module("._generated.callie", __package__)

#: The results of a poll, and the codes of wake-ups, as the native library defines them.
_PENDING, _READY, _TOKEN_REQUEST = -1, 0, 2
#: The number of wake-ups that are fetched by one call.
_ROOM = 64


class _Wakeup(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_uint64), ("code", ctypes.c_int8)]


_poll = generated._UniffiLib.ffi_callie_poll
_poll.argtypes = (ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64)
_poll.restype = ctypes.c_int8
_next_wakeups = generated._UniffiLib.ffi_callie_next_wakeups
_next_wakeups.argtypes = (ctypes.POINTER(_Wakeup), ctypes.c_uint32)
_next_wakeups.restype = ctypes.c_uint32

_waiting = generated._UniffiContinuationHandleMap
_starts = threading.Lock()
_started = False
#: The functions that answer a token request, which has a number.
on_token_request: List[Callable[[int], None]] = []


async def call(
    rust_future: int, ffi_poll: Any, ffi_complete: Any, ffi_free: Any, lift: Callable[[Any], Any], error: Any
) -> Any:
    """Drives a native future to its result, in place of uniffi's function."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            future = loop.create_future()
            handle = _waiting.insert((loop, future))
            code = _poll(ffi_poll, rust_future, handle)
            if code == _PENDING:
                start()
                code = await future
            else:
                _waiting.remove(handle)
            if code == _READY:
                return lift(generated._uniffi_rust_call_with_error(error, ffi_complete, rust_future))
    finally:
        ffi_free(rust_future)


def start() -> None:
    """Starts the thread unless it is running."""
    global _started
    if _started:
        return
    with _starts:
        if not _started:
            threading.Thread(target=_resume, name="callie-wakeups", daemon=True).start()
            _started = True


def after_fork() -> None:
    """In a child of the process: the thread belongs to the parent."""
    global _starts, _started
    _starts, _started = threading.Lock(), False


def _resume() -> None:
    room = (_Wakeup * _ROOM)()
    while True:
        loops: Dict[asyncio.AbstractEventLoop, List[Tuple[Any, int]]] = {}
        for wakeup in room[: _next_wakeups(room, _ROOM)]:
            if wakeup.code == _TOKEN_REQUEST:
                for answer in on_token_request:
                    answer(wakeup.handle)
                continue
            loop, future = _waiting.remove(wakeup.handle)
            loops.setdefault(loop, []).append((future, wakeup.code))
        for loop, futures in loops.items():
            try:
                loop.call_soon_threadsafe(_set_results, futures)
            except RuntimeError:
                # The loop is closed: no task waits for the future.
                pass


def _set_results(futures: List[Tuple[Any, int]]) -> None:
    for future, code in futures:
        if not future.done():
            future.set_result(code)
