# Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.
"""The commands of the protocol, one method each, for asyncio."""

from __future__ import annotations

from datetime import datetime
from typing import Any, AsyncIterator, Dict, Iterable, List, Optional, Union

from . import arguments, results
from .requests import Requests
from .values import (
    BlockedPage,
    DirectMessages,
    Group,
    GroupDetails,
    GroupPage,
    GroupSummary,
    Member,
    PresenceAudience,
    Profile,
    Role,
    ServerStats,
    SessionInfo,
    Settings,
    Visibility,
)


class Commands(Requests):
    """The commands. A refusal is a :class:`callie.Refused` with the server's code."""

    async def create_group(
        self, name: str, members: Iterable[str] = (), *, visibility: Union[Visibility, str] = Visibility.PRIVATE
    ) -> Group:
        """Creates a group whose owner is the caller.

        Either every user in ``members`` joins or no group is created. Duplicate names and the caller's own are
        merged. ``FORBIDDEN`` if a user does not accept direct messages from the caller.

        :param name: The group's name: 1 to 64 characters, no control characters.
        :param members: The usernames of the initial members besides the caller.
        :param visibility: Who can find and join the group; private unless given.
        :raises callie.Refused: with the code ``USER_NOT_FOUND``, ``FORBIDDEN`` or ``LIMIT_REACHED``.
        """
        answer = await self._ask(
            "create_group",
            arguments.text(name, "name"),
            arguments.texts(members, "members"),
            arguments.visibility(visibility, "visibility"),
        )
        return results.group(answer)

    async def join_group(self, group_id: str) -> None:
        """Joins a public group.

        :param group_id: The group's ID.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND``, ``CONFLICT`` or ``LIMIT_REACHED``.
        """
        await self._ask("join_group", arguments.text(group_id, "group_id"))

    async def leave_group(self, group_id: str) -> None:
        """Leaves a group.

        An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there is
        no admin. The group is deleted when its last member leaves. Requires membership in the group.

        :param group_id: The group's ID.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND`` or ``NOT_A_MEMBER``.
        """
        await self._ask("leave_group", arguments.text(group_id, "group_id"))

    async def add_member(self, group_id: str, username: str) -> None:
        """Adds a user to a group.

        Requires the role of admin or owner in the group.

        :param group_id: The group's ID.
        :param username: The user to add.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND``, ``NOT_A_MEMBER``, ``FORBIDDEN``, ``USER_NOT_FOUND``,
            ``CONFLICT`` or ``LIMIT_REACHED``.
        """
        await self._ask("add_member", arguments.text(group_id, "group_id"), arguments.text(username, "username"))

    async def remove_member(self, group_id: str, username: str) -> None:
        """Removes a user from a group.

        Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner in
        the group.

        :param group_id: The group's ID.
        :param username: The member to remove.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND``, ``NOT_A_MEMBER``, ``FORBIDDEN`` or
            ``USER_NOT_FOUND``.
        """
        await self._ask("remove_member", arguments.text(group_id, "group_id"), arguments.text(username, "username"))

    async def set_role(self, group_id: str, username: str, role: Union[Role, str]) -> None:
        """Changes the role of another member.

        A group has one owner: making a member the owner makes the caller an admin. Requires the role of owner in the
        group.

        :param group_id: The group's ID.
        :param username: The member.
        :param role: The new role.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND``, ``NOT_A_MEMBER``, ``FORBIDDEN`` or
            ``USER_NOT_FOUND``.
        """
        await self._ask(
            "set_role",
            arguments.text(group_id, "group_id"),
            arguments.text(username, "username"),
            arguments.role(role, "role"),
        )

    async def rename_group(self, group_id: str, name: str) -> None:
        """Renames a group.

        Requires the role of admin or owner in the group.

        :param group_id: The group's ID.
        :param name: The new name: 1 to 64 characters, no control characters.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND``, ``NOT_A_MEMBER`` or ``FORBIDDEN``.
        """
        await self._ask("rename_group", arguments.text(group_id, "group_id"), arguments.text(name, "name"))

    async def delete_group(self, group_id: str) -> None:
        """Deletes a group.

        Requires the role of owner in the group.

        :param group_id: The group's ID.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND``, ``NOT_A_MEMBER`` or ``FORBIDDEN``.
        """
        await self._ask("delete_group", arguments.text(group_id, "group_id"))

    async def list_groups(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> GroupPage:
        """Returns one page of the groups that the caller is a member of.

        :param limit: The maximum number of groups in the page, 1 to 200; 100 unless given.
        :param after: The ``next`` of the previous page; the first page unless given.
        """
        answer = await self._ask(
            "list_groups",
            arguments.page_limit(limit, "limit"),
            arguments.optional_text(after, "after"),
        )
        return results.group_page(answer)

    async def all_groups(self, *, limit: Optional[int] = None) -> AsyncIterator[GroupSummary]:
        """Iterates over all pages of :meth:`list_groups`."""
        after: Optional[str] = None
        while True:
            page = await self.list_groups(limit=limit, after=after)
            for item in page.groups:
                yield item
            if page.next is None:
                return
            after = page.next

    async def list_public_groups(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> GroupPage:
        """Returns one page of the public groups, without the caller's roles.

        :param limit: The maximum number of groups in the page, 1 to 200; 100 unless given.
        :param after: The ``next`` of the previous page; the first page unless given.
        """
        answer = await self._ask(
            "list_public_groups",
            arguments.page_limit(limit, "limit"),
            arguments.optional_text(after, "after"),
        )
        return results.group_page(answer)

    async def all_public_groups(self, *, limit: Optional[int] = None) -> AsyncIterator[GroupSummary]:
        """Iterates over all pages of :meth:`list_public_groups`."""
        after: Optional[str] = None
        while True:
            page = await self.list_public_groups(limit=limit, after=after)
            for item in page.groups:
                yield item
            if page.next is None:
                return
            after = page.next

    async def get_group(
        self, group_id: str, *, limit: Optional[int] = None, after: Optional[str] = None
    ) -> GroupDetails:
        """Returns a group with one page of its members.

        Requires membership in the group.

        :param group_id: The group's ID.
        :param limit: The maximum number of members in the page, 1 to 200; 100 unless given.
        :param after: The ``next`` of the previous page; the first page unless given.
        :raises callie.Refused: with the code ``GROUP_NOT_FOUND`` or ``NOT_A_MEMBER``.
        """
        answer = await self._ask(
            "get_group",
            arguments.text(group_id, "group_id"),
            arguments.page_limit(limit, "limit"),
            arguments.optional_text(after, "after"),
        )
        return results.group_details(answer)

    async def all_members(self, group_id: str, *, limit: Optional[int] = None) -> AsyncIterator[Member]:
        """Iterates over all pages of :meth:`get_group`."""
        after: Optional[str] = None
        while True:
            page = await self.get_group(group_id, limit=limit, after=after)
            for item in page.members:
                yield item
            if page.next is None:
                return
            after = page.next

    async def delete_message(self, recipient: str, message_id: str, sender: Optional[str] = None) -> None:
        """Tells everyone who may have received a message to delete it.

        Requires authorship of the message or, in a group, the role of admin or owner.

        :param recipient: The username or group ID that the message was sent to.
        :param message_id: The message's ID.
        :param sender: The author of the message; the caller unless given.
        :raises callie.Refused: with the code ``FORBIDDEN``, ``RECIPIENT_OFFLINE``, ``RECIPIENT_UNKNOWN`` or
            ``NOT_A_MEMBER``.
        """
        await self._ask(
            "delete_message",
            arguments.text(recipient, "recipient"),
            arguments.text(message_id, "message_id"),
            arguments.optional_text(sender, "sender"),
        )

    async def edit_message(self, recipient: str, message_id: str, text: str) -> None:
        """Replaces the text of one of the caller's messages for everyone who may have received it.

        Requires authorship of the message.

        :param recipient: The username or group ID that the message was sent to.
        :param message_id: The message's ID.
        :param text: The new text, in Markdown; not empty, and within the server's limit for messages.
        :raises callie.Refused: with the code ``FORBIDDEN``, ``RECIPIENT_OFFLINE``, ``RECIPIENT_UNKNOWN`` or
            ``NOT_A_MEMBER``.
        """
        await self._ask(
            "edit_message",
            arguments.text(recipient, "recipient"),
            arguments.text(message_id, "message_id"),
            arguments.text(text, "text"),
        )

    def signal(self, recipient: str, kind: str, data: Any = None) -> None:
        """Sends a short-lived signal, such as a typing indicator.

        Delivery is neither guaranteed nor reported. A refusal arrives as a notice with the code
        ``RECIPIENT_UNKNOWN``, ``NOT_A_MEMBER`` or ``FORBIDDEN``.

        :param recipient: The username or group ID of the receiver.
        :param kind: ``typing``, ``read``, or another name of 1 to 32 lower-case letters and underscores.
        :param data: Any JSON value of at most 1,024 bytes.
        """
        self._tell(
            "signal",
            arguments.text(recipient, "recipient"),
            arguments.text(kind, "kind"),
            arguments.json(data, "data"),
        )

    async def get_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """Returns which of the given users are online.

        Users that do not exist or that hide their presence from the caller are reported offline.

        :param usernames: The usernames, 1 to 256.
        """
        return results.presence(await self._ask("get_presence", arguments.texts(usernames, "usernames")))

    async def subscribe_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """Returns which of the given users are online, and subscribes to changes until the connection ends.

        Each change arrives as a ``USER_JOINED`` or ``USER_LEFT`` notice without a group.

        :param usernames: The usernames, 1 to 256.
        :raises callie.Refused: with the code ``LIMIT_REACHED``.
        """
        return results.presence(await self._ask("subscribe_presence", arguments.texts(usernames, "usernames")))

    async def unsubscribe_presence(self, usernames: Iterable[str]) -> None:
        """Cancels presence subscriptions.

        :param usernames: The usernames, 1 to 256.
        """
        await self._ask("unsubscribe_presence", arguments.texts(usernames, "usernames"))

    async def get_profile(self, username: str) -> Profile:
        """Returns a user's public profile.

        :param username: The user.
        :raises callie.Refused: with the code ``USER_NOT_FOUND``.
        """
        return results.profile(await self._ask("get_profile", arguments.text(username, "username")))

    async def get_settings(self) -> Settings:
        """Returns the caller's settings."""
        return results.settings(await self._ask("get_settings"))

    async def update_settings(
        self,
        *,
        display_name: Optional[str] = None,
        presence: Union[PresenceAudience, str, None] = None,
        direct_messages: Union[DirectMessages, str, None] = None,
    ) -> Settings:
        """Changes the given settings of the caller, and returns all of them.

        :param display_name: The caller's display name: at most 64 characters, no control characters; empty for none.
        :param presence: Who can see whether the caller is online.
        :param direct_messages: Who can send the caller direct messages.
        """
        answer = await self._ask(
            "update_settings",
            arguments.optional_text(display_name, "display_name"),
            arguments.presence_audience(presence, "presence"),
            arguments.direct_messages(direct_messages, "direct_messages"),
        )
        return results.settings(answer)

    async def block_user(self, username: str) -> None:
        """Blocks a user: stops direct messages and presence in both directions.

        Messages in groups and broadcasts are not affected.

        :param username: The user to block.
        :raises callie.Refused: with the code ``USER_NOT_FOUND``.
        """
        await self._ask("block_user", arguments.text(username, "username"))

    async def unblock_user(self, username: str) -> None:
        """Unblocks a user, who may then message the caller again.

        :param username: The user to unblock.
        :raises callie.Refused: with the code ``USER_NOT_FOUND``.
        """
        await self._ask("unblock_user", arguments.text(username, "username"))

    async def list_blocked(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> BlockedPage:
        """Returns one page of the users that the caller has blocked.

        :param limit: The maximum number of users in the page, 1 to 200; 100 unless given.
        :param after: The ``next`` of the previous page; the first page unless given.
        """
        answer = await self._ask(
            "list_blocked",
            arguments.page_limit(limit, "limit"),
            arguments.optional_text(after, "after"),
        )
        return results.blocked_page(answer)

    async def all_blocked(self, *, limit: Optional[int] = None) -> AsyncIterator[str]:
        """Iterates over all pages of :meth:`list_blocked`."""
        after: Optional[str] = None
        while True:
            page = await self.list_blocked(limit=limit, after=after)
            for item in page.usernames:
                yield item
            if page.next is None:
                return
            after = page.next

    async def list_sessions(self) -> List[SessionInfo]:
        """Returns the caller's sessions, newest first."""
        return results.sessions(await self._ask("list_sessions"))

    async def revoke_session(self, session_id: str) -> None:
        """Revokes one of the caller's sessions and closes its connections.

        :param session_id: The session's ID.
        :raises callie.Refused: with the code ``SESSION_NOT_FOUND``.
        """
        await self._ask("revoke_session", arguments.text(session_id, "session_id"))

    async def kick_user(self, username: str, reason: Optional[str] = None) -> None:
        """Closes a user's connections.

        Requires the rights of a server administrator.

        :param username: The user to disconnect.
        :param reason: The reason to show to the user: 1 to 256 characters, no control characters.
        :raises callie.Refused: with the code ``FORBIDDEN`` or ``USER_NOT_FOUND``.
        """
        await self._ask("kick_user", arguments.text(username, "username"), arguments.optional_text(reason, "reason"))

    async def ban_user(self, username: str, reason: Optional[str] = None, until: Optional[datetime] = None) -> None:
        """Bans a user: revokes all of the user's sessions and rejects logins.

        Requires the rights of a server administrator.

        :param username: The user to ban.
        :param reason: The reason to show to the user: 1 to 256 characters, no control characters.
        :param until: When the ban ends, before the year 10000; never unless given.
        :raises callie.Refused: with the code ``FORBIDDEN`` or ``USER_NOT_FOUND``.
        """
        await self._ask(
            "ban_user",
            arguments.text(username, "username"),
            arguments.optional_text(reason, "reason"),
            arguments.instant(until, "until"),
        )

    async def unban_user(self, username: str) -> None:
        """Lifts a ban.

        Requires the rights of a server administrator.

        :param username: The user.
        :raises callie.Refused: with the code ``FORBIDDEN`` or ``USER_NOT_FOUND``.
        """
        await self._ask("unban_user", arguments.text(username, "username"))

    async def announce(self, text: str) -> None:
        """Sends an ``ANNOUNCEMENT`` notice to every online user.

        Requires the rights of a server administrator.

        :param text: The text; not empty, and within the server's limit for messages.
        :raises callie.Refused: with the code ``FORBIDDEN``.
        """
        await self._ask("announce", arguments.text(text, "text"))

    async def server_stats(self) -> ServerStats:
        """Returns the server's counters.

        Requires the rights of a server administrator.

        :raises callie.Refused: with the code ``FORBIDDEN``.
        """
        return results.server_stats(await self._ask("server_stats"))
