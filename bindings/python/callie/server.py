"""Accounts and sessions: what is done without a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional

from . import _native, arguments
from ._native import NotCopied
from .errors import invalid, text, translated
from .events import instant
from .values import SessionInfo

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import Options


class Session(NotCopied):
    """A user's session on one server. Its text form never shows the token."""

    def __init__(self, native: _native.Session) -> None:
        self._native = native
        #: Who this is.
        self.username: str = native.username()

    @property
    def token(self) -> str:
        """The token, to keep in a safe place: who has it is the user. ``Client(…, token=…)`` takes it."""
        with translated():
            return self._native.token()

    def __repr__(self) -> str:
        return f"Session({self.username!r})"


class Server(NotCopied):
    """A server to register with and to log in to. It takes :class:`callie.options.Options`, which are a
    :class:`callie.Client`'s too. Its calls are coroutines."""

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        config = arguments.config(url, **options)
        self._url = config.url
        with translated():
            self._native = _native.Server(config)

    async def register(self, username: str, password: str) -> None:
        """Makes a new user."""
        with translated():
            await self._native.register(text(username, "the username"), text(password, "the password"))

    async def login(self, username: str, password: str, device: Optional[str] = None) -> Session:
        """Logs a user in; ``device`` is what the list of the user's sessions calls this one."""
        return await self._enter(self._native.login, username, password, device)

    async def register_and_login(self, username: str, password: str, device: Optional[str] = None) -> Session:
        """Makes a new user unless the name is taken, then logs in."""
        return await self._enter(self._native.register_and_login, username, password, device)

    async def _enter(self, call: Any, username: str, password: str, device: Optional[str]) -> Session:
        device = arguments.optional_text(device, "the device")
        with translated():
            return Session(await call(text(username, "the username"), text(password, "the password"), device))

    async def logout(self, session: Session) -> None:
        """Ends a session: its connections close and its token is dead."""
        with translated():
            await self._native.logout(_of(session))

    async def change_password(self, session: Session, old: str, new: str) -> None:
        """Gives the session's user another password; the user's other sessions end."""
        with translated():
            await self._native.change_password(
                _of(session), text(old, "the old password"), text(new, "the new password")
            )

    async def sessions(self, session: Session) -> List[SessionInfo]:
        """All sessions of the session's user, the newest first."""
        with translated():
            return [session_info(info) for info in await self._native.sessions(_of(session))]

    async def end_session(self, session: Session, session_id: str) -> None:
        """Ends one of the user's sessions, by its ID."""
        with translated():
            await self._native.end_session(_of(session), text(session_id, "the session's ID"))

    def __repr__(self) -> str:
        return f"Server({vars(self).get('_url', 'not made')!r})"


def _of(session: Session) -> Any:
    if not isinstance(session, Session):
        raise invalid(f"the session must be a callie.Session, not {type(session).__name__}")
    return session._native


def session_info(native: Any) -> SessionInfo:
    """A session in a list, as this package shows it."""
    return SessionInfo(
        native.session_id,
        native.device,
        instant(native.created_at_ms),
        instant(native.last_seen_at_ms),
        instant(native.expires_at_ms),
        native.current,
    )
