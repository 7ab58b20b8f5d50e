"""The commands of the protocol, one method each."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, List, Optional

from . import _native, arguments, errors, jsontext
from .arguments import optional_text, texts
from .errors import text, translated
from .server import session_info
from .values import (
    BlockedPage,
    Group,
    GroupDetails,
    GroupPage,
    GroupSummary,
    Member,
    Profile,
    ServerStats,
    SessionInfo,
    Settings,
)

#: The most of a list that one page holds.
_MOST = 200


class Commands:
    """What a client asks of its server. A refusal is a :class:`callie.Refused` with the server's code.

    Lists come in pages: ``after`` is the ``next`` of the page before, ``limit`` the most of one page, up to 200.
    """

    def _connection(self) -> _native.Client:
        raise NotImplementedError

    async def _ask(self, name: str, *given: Any) -> Any:
        with translated():
            return await getattr(self._connection(), name)(*given)

    async def command(self, name: str, parameters: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """Carries out a command by name, such as ``"GET_GROUP"``, and gives its result."""
        written = jsontext.write_object(arguments.parameters(parameters), "the parameters")
        return jsontext.read_object(await self._ask("command", text(name, "the command"), written))

    async def create_group(self, name: str, members: Iterable[str] = (), *, public: bool = False) -> Group:
        """Makes a group of this user and ``members``; a public one can be joined by anyone."""
        visibility = _native.Visibility.PUBLIC if arguments.flag(public, "public") else _native.Visibility.PRIVATE
        names = texts(members, "members", "a member")
        group = await self._ask("create_group", text(name, "the name"), names, visibility)
        return Group(group.group_id, group.name, group.members, _is_public(group))

    async def join_group(self, group_id: str) -> None:
        """Enters a public group."""
        await self._ask("join_group", text(group_id, "the group"))

    async def leave_group(self, group_id: str) -> None:
        """Leaves a group. The last to leave deletes it."""
        await self._ask("leave_group", text(group_id, "the group"))

    async def add_member(self, group_id: str, username: str) -> None:
        """Brings a user into a group."""
        await self._ask("add_member", text(group_id, "the group"), text(username, "the username"))

    async def remove_member(self, group_id: str, username: str) -> None:
        """Takes a user out of a group."""
        await self._ask("remove_member", text(group_id, "the group"), text(username, "the username"))

    async def set_role(self, group_id: str, username: str, role: str) -> None:
        """Gives a member another role: ``"member"``, ``"admin"`` or ``"owner"``. A new owner makes the old one an admin."""
        native = arguments.word(_native.Role, role, "the role")
        await self._ask("set_role", text(group_id, "the group"), text(username, "the username"), native)

    async def rename_group(self, group_id: str, name: str) -> None:
        """Gives a group another name."""
        await self._ask("rename_group", text(group_id, "the group"), text(name, "the name"))

    async def delete_group(self, group_id: str) -> None:
        """Ends a group."""
        await self._ask("delete_group", text(group_id, "the group"))

    async def list_groups(self, after: Optional[str] = None, limit: Optional[int] = None) -> GroupPage:
        """One page of the groups that this user is in."""
        return _group_page(await self._ask("list_groups", *_page(after, limit)))

    async def list_public_groups(self, after: Optional[str] = None, limit: Optional[int] = None) -> GroupPage:
        """One page of the groups that anyone can join."""
        return _group_page(await self._ask("list_public_groups", *_page(after, limit)))

    async def get_group(
        self, group_id: str, after: Optional[str] = None, limit: Optional[int] = None
    ) -> GroupDetails:
        """A group, with one page of its members."""
        group = await self._ask("get_group", text(group_id, "the group"), *_page(after, limit))
        members = [Member(m.username, m.role.name.lower(), m.online) for m in group.members]
        return GroupDetails(
            group.group_id, group.name, _is_public(group), group.member_count, members, group.next
        )

    async def edit_message(self, recipient: str, message_id: str, text: str) -> None:
        """Tells those who have a message of this user its new text."""
        await self._ask(
            "edit_message",
            errors.text(recipient, "the recipient"),
            errors.text(message_id, "the message's ID"),
            errors.text(text, "the text"),
        )

    async def delete_message(self, recipient: str, message_id: str, sender: Optional[str] = None) -> None:
        """Tells those who have a message to drop it; ``sender`` is its author, where that is not this user."""
        await self._ask(
            "delete_message",
            text(recipient, "the recipient"),
            text(message_id, "the message's ID"),
            optional_text(sender, "the sender"),
        )

    def signal(self, recipient: str, kind: str, data: Any = None) -> None:
        """Says something fleeting, such as ``"typing"`` or ``"read"``. It is taken at once; nothing tells that it arrived."""
        written = None if data is None else jsontext.write(data, "the data")
        with translated():
            self._connection().signal(text(recipient, "the recipient"), text(kind, "the kind"), written)

    async def get_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """Who is online, by name."""
        return await self._ask("get_presence", texts(usernames, "usernames", "a username"))

    async def subscribe_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """Who is online, by name, and to be told of changes."""
        return await self._ask("subscribe_presence", texts(usernames, "usernames", "a username"))

    async def unsubscribe_presence(self, usernames: Iterable[str]) -> None:
        """Not to be told any more."""
        await self._ask("unsubscribe_presence", texts(usernames, "usernames", "a username"))

    async def get_profile(self, username: str) -> Profile:
        """What a user tells of themselves."""
        profile = await self._ask("get_profile", text(username, "the username"))
        return Profile(profile.username, profile.display_name)

    async def get_settings(self) -> Settings:
        """This user's settings."""
        return _settings(await self._ask("get_settings"))

    async def update_settings(
        self,
        *,
        display_name: Optional[str] = None,
        presence: Optional[str] = None,
        direct_messages: Optional[str] = None,
    ) -> Settings:
        """Changes those of this user's settings that are given."""
        audience, direct = None, None
        if presence is not None:
            audience = arguments.word(_native.PresenceAudience, presence, "presence")
        if direct_messages is not None:
            direct = arguments.word(_native.DirectMessages, direct_messages, "direct_messages")
        name = optional_text(display_name, "the display name")
        return _settings(await self._ask("update_settings", name, audience, direct))

    async def block_user(self, username: str) -> None:
        """Stops all direct traffic with a user, both ways."""
        await self._ask("block_user", text(username, "the username"))

    async def unblock_user(self, username: str) -> None:
        """Allows it again."""
        await self._ask("unblock_user", text(username, "the username"))

    async def list_blocked(self, after: Optional[str] = None, limit: Optional[int] = None) -> BlockedPage:
        """One page of those whom this user blocked."""
        page = await self._ask("list_blocked", *_page(after, limit))
        return BlockedPage(page.usernames, page.next)

    async def list_sessions(self) -> List[SessionInfo]:
        """This user's sessions."""
        return [session_info(info) for info in await self._ask("list_sessions")]

    async def revoke_session(self, session_id: str) -> None:
        """Ends one of this user's sessions."""
        await self._ask("revoke_session", text(session_id, "the session's ID"))

    async def kick_user(self, username: str, reason: Optional[str] = None) -> None:
        """Ends a user's connections, as an admin of the server."""
        await self._ask("kick_user", text(username, "the username"), optional_text(reason, "the reason"))

    async def ban_user(
        self, username: str, reason: Optional[str] = None, until: Optional[datetime] = None
    ) -> None:
        """Ends a user's sessions and takes no new ones, until a time or for ever, as an admin of the server."""
        instant = arguments.instant_ms(until, "the time")
        reason = optional_text(reason, "the reason")
        await self._ask("ban_user", text(username, "the username"), reason, instant)

    async def unban_user(self, username: str) -> None:
        """Takes a ban back, as an admin of the server."""
        await self._ask("unban_user", text(username, "the username"))

    async def announce(self, text: str) -> None:
        """Speaks to everyone online, as an admin of the server."""
        await self._ask("announce", errors.text(text, "the text"))

    async def server_stats(self) -> ServerStats:
        """The server's figures, for an admin of it."""
        return ServerStats(**vars(await self._ask("server_stats")))


def _page(after: Optional[str], limit: Optional[int]) -> Any:
    return arguments.whole(limit, "the limit", _MOST), optional_text(after, "after")


def _is_public(group: Any) -> bool:
    return group.visibility == _native.Visibility.PUBLIC


def _group_page(page: Any) -> GroupPage:
    groups = [
        GroupSummary(g.group_id, g.name, g.member_count, None if g.role is None else g.role.name.lower())
        for g in page.groups
    ]
    return GroupPage(groups, page.next)


def _settings(native: Any) -> Settings:
    return Settings(native.display_name, native.presence.name.lower(), native.direct_messages.name.lower())
