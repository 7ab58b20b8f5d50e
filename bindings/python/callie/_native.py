"""The generated modules, which are in ``_generated`` beside the native library, adapted to an interpreter:

- its objects are neither copied nor pickled, as each frees what it points to;
- its futures are resumed by a thread of the interpreter, as no native thread may enter one that ends;
- in a child of the process that used the library every call fails, as the native threads are the parent's.
"""

from __future__ import annotations

import os
from typing import Any

try:
    from . import wakeups
except ModuleNotFoundError as error:
    raise ImportError("callie's native part is missing: run `make bindings` in the checkout") from error

generated = wakeups.generated
#: The module of the values that the library for Rust declares.
values = generated.callie_client
Attachment = values.Attachment
AttachmentKind = values.AttachmentKind
CallError = generated.CallError
Client = generated.Client
Config = generated.Config
Credentials = generated.Credentials
DirectMessages = generated.DirectMessages
InternalError = generated.InternalError
LogLevel = generated.LogLevel
LogReader = generated.LogReader
PresenceAudience = generated.PresenceAudience
Role = generated.Role
SendOptions = generated.SendOptions
Server = generated.Server
StateRecord = generated.StateRecord
StoreReader = generated.StoreReader
Ticket = generated.Ticket
Visibility = generated.Visibility
answer_token_request = generated.answer_token_request
check_payload = generated.check_payload
check_server_payload = generated.check_server_payload
stop_logging = generated.stop_logging
token_request = generated.token_request
version = generated.version

_OBJECTS = (Client, Credentials, generated.EventReader, LogReader, Server, StoreReader, Ticket)


class NotCopied:
    """The base of objects that refer to the native library or hold a secret. They cannot be copied or pickled."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled: create a new one where it is needed")

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)


class ForkedError(Exception):
    """The library was used in a parent of this process before the fork."""

    code = "FORKED"
    reason = (
        "callie was used in this process's parent before the fork: use it first in the child, "
        "or start processes by spawn or forkserver"
    )


#: Whether native threads run in this process.
_used = False


def used() -> None:
    """Must be called before anything that starts the native threads."""
    global _used
    _used = True


async def _call(*call: Any) -> Any:
    used()
    return await wakeups.call(*call)


def _refuse(*_: Any) -> Any:
    raise ForkedError(ForkedError.reason)


async def _refuse_async(*_: Any) -> Any:
    _refuse()


def _after_fork() -> None:
    wakeups.after_fork()
    if _used:
        generated._uniffi_rust_call = _refuse
        generated._uniffi_rust_call_with_error = _refuse
        generated._uniffi_rust_call_async = _refuse_async
        for kind in _OBJECTS:
            # The native objects belong to the parent's threads.
            kind.__del__ = lambda self: None


for _kind in _OBJECTS:
    _kind.__reduce_ex__ = NotCopied.__reduce_ex__
    _kind.__reduce__ = NotCopied.__reduce__
generated._uniffi_rust_call_async = _call
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
