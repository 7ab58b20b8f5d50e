"""What the methods of all commands go through."""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import _native, jsontext
from .errors import text, translated


class Requests:
    """Sends commands to the server."""

    def _connection(self) -> _native.Client:
        raise NotImplementedError

    async def _ask(self, name: str, *given: Any) -> Any:
        """Calls a method of the native client that waits for the server's answer."""
        with translated():
            return await getattr(self._connection(), name)(*given)

    def _tell(self, name: str, *given: Any) -> None:
        """Calls a method of the native client that has no answer."""
        with translated():
            getattr(self._connection(), name)(*given)

    async def command(self, name: str, parameters: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Sends a command by name, such as ``"GET_GROUP"``, and returns its result.

        It need not be a command that this version knows.

        :param name: The command's name in the protocol.
        :param parameters: The parameters, by their names in the protocol; none unless given.
        """
        written = jsontext.write_object({} if parameters is None else parameters, "parameters")
        return jsontext.read_object(await self._ask("command", text(name, "name"), written))
