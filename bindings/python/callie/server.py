"""Accounts and sessions: the calls that need no connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from . import _native, arguments, results
from ._native import NotCopied
from .errors import invalid, text, translated
from .values import SessionInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import Options


class Credentials(NotCopied):
    """A username and the token of a login on one server. Its ``repr`` does not contain the token."""

    def __init__(self, native: _native.Credentials) -> None:
        self._native = native
        #: The user.
        self.username: str = native.username()

    @property
    def token(self) -> str:
        """The token, which ``Client(…, token=…)`` takes. Store it safely: it stands for the user."""
        with translated():
            return self._native.token()

    def __repr__(self) -> str:
        return f"Credentials({self.username!r})"


class Server(NotCopied):
    """A server, for registration, login and the management of sessions. The options are those of
    :class:`callie.options.Options`. Nothing is sent before the first call."""

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        config = arguments.config(url, **options)
        self._url = config.url
        with translated():
            self._native = _native.Server(config)

    async def register(self, username: str, password: str) -> None:
        """Registers a new user."""
        with translated():
            await self._native.register(text(username, "username"), text(password, "password"))

    async def login(self, username: str, password: str, device: Optional[str] = None) -> Credentials:
        """Logs a user in. ``device`` names the new session in the list of the user's sessions."""
        return await self._enter(self._native.login, username, password, device)

    async def register_and_login(self, username: str, password: str, device: Optional[str] = None) -> Credentials:
        """Registers a user unless the name is taken, then logs in."""
        return await self._enter(self._native.register_and_login, username, password, device)

    async def _enter(self, call: Any, username: str, password: str, device: Optional[str]) -> Credentials:
        device = arguments.optional_text(device, "device")
        with translated():
            return Credentials(await call(text(username, "username"), text(password, "password"), device))

    async def logout(self, credentials: Credentials) -> None:
        """Ends the session of the credentials: its connections close and the token becomes invalid."""
        with translated():
            await self._native.logout(_of(credentials))

    async def change_password(self, credentials: Credentials, old_password: str, new_password: str) -> None:
        """Changes the password of the user. The user's other sessions end."""
        with translated():
            await self._native.change_password(
                _of(credentials), text(old_password, "old_password"), text(new_password, "new_password")
            )

    async def sessions(self, credentials: Credentials) -> List[SessionInfo]:
        """Returns all sessions of the user, newest first."""
        with translated():
            return results.sessions(await self._native.sessions(_of(credentials)))

    async def revoke_session(self, credentials: Credentials, session_id: str) -> None:
        """Revokes one of the user's sessions and closes its connections."""
        with translated():
            await self._native.revoke_session(_of(credentials), text(session_id, "session_id"))

    def __repr__(self) -> str:
        return f"Server({vars(self).get('_url', 'not made')!r})"


def _of(credentials: Credentials) -> Any:
    if not isinstance(credentials, Credentials):
        raise invalid(f"credentials must be a callie.Credentials, not {type(credentials).__name__}")
    return credentials._native
