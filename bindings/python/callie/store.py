"""Stores of the application in which a client keeps its state."""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Optional, Protocol

from . import _native
from .errors import invalid, text


class StateStore(Protocol):
    """What an application implements to keep the state of a client itself, for example encrypted or in a database.

    A store belongs to one client, which calls it on one thread of its own, which it may block. The client waits for each call,
    and so does the event loop if it is in :meth:`Client.login` or :meth:`Client.send`. The methods must not call the client: a
    message sent in them raises :class:`InvalidArgument`. Keys are texts of at most 256 visible ASCII characters. Values are
    bytes that only the client reads; they contain texts of messages, and never a token.
    """

    def load(self) -> Dict[str, bytes]:
        """Returns all records that are stored; none the first time. Called once, before all else."""
        ...

    def write(self, puts: Dict[str, bytes], deletes: List[str]) -> None:
        """Stores ``puts``, each in place of any record with the same key, and removes the records with the keys ``deletes``,
        which need not exist. No key is in both.

        Either all of this is stored when the call returns, or none of it and the call raises. Then the client ends with the code
        ``"STATE_UNAVAILABLE"``.
        """
        ...


class Requests:
    """The requests of one client to its store."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self.reader = _native.StoreReader()
        #: The thread that answers them.
        self._thread: Optional[int] = None

    def answer(self, request: Any) -> None:
        """Answers a request."""
        self._thread = threading.get_ident()
        try:
            records = self._load() if request.is_LOAD() else self._write(request)
        except BaseException as error:
            self.reader.answer([], f"the store raised {type(error).__name__}: {error}")
            raise
        self.reader.answer(records, None)

    def _load(self) -> List[_native.StateRecord]:
        return [_native.StateRecord(key=text(key, "a key"), value=bytes(value)) for key, value in self._store.load().items()]

    def _write(self, request: Any) -> List[_native.StateRecord]:
        self._store.write({record.key: record.value for record in request.puts}, request.deletes)
        return []

    def refuse_own_thread(self) -> None:
        """Refuses a send of the store itself, which would wait for the store."""
        if self._thread == threading.get_ident():
            raise invalid("the store of a client's state cannot send messages")
