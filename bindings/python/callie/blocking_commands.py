# Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.
"""The commands of the protocol, one method each, without asyncio."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Coroutine, Dict, Iterable, Iterator, List, Optional, TypeVar, Union

from . import commands
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

T = TypeVar("T")


class Commands:
    """The commands. A refusal is a :class:`callie.Refused` with the server's code."""

    _client: commands.Commands

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError

    def create_group(
        self, name: str, members: Iterable[str] = (), *, visibility: Union[Visibility, str] = Visibility.PRIVATE
    ) -> Group:
        """Creates a group whose owner is the caller. See :meth:`callie.Client.create_group`."""
        return self._run(self._client.create_group(name, members, visibility=visibility))

    def join_group(self, group_id: str) -> None:
        """Joins a public group. See :meth:`callie.Client.join_group`."""
        self._run(self._client.join_group(group_id))

    def leave_group(self, group_id: str) -> None:
        """Leaves a group. See :meth:`callie.Client.leave_group`."""
        self._run(self._client.leave_group(group_id))

    def add_member(self, group_id: str, username: str) -> None:
        """Adds a user to a group. See :meth:`callie.Client.add_member`."""
        self._run(self._client.add_member(group_id, username))

    def remove_member(self, group_id: str, username: str) -> None:
        """Removes a user from a group. See :meth:`callie.Client.remove_member`."""
        self._run(self._client.remove_member(group_id, username))

    def set_role(self, group_id: str, username: str, role: Union[Role, str]) -> None:
        """Changes the role of another member. See :meth:`callie.Client.set_role`."""
        self._run(self._client.set_role(group_id, username, role))

    def rename_group(self, group_id: str, name: str) -> None:
        """Renames a group. See :meth:`callie.Client.rename_group`."""
        self._run(self._client.rename_group(group_id, name))

    def delete_group(self, group_id: str) -> None:
        """Deletes a group. See :meth:`callie.Client.delete_group`."""
        self._run(self._client.delete_group(group_id))

    def list_groups(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> GroupPage:
        """Returns one page of the groups that the caller is a member of. See :meth:`callie.Client.list_groups`."""
        return self._run(self._client.list_groups(limit=limit, after=after))

    def all_groups(self, *, limit: Optional[int] = None) -> Iterator[GroupSummary]:
        """Iterates over all pages of :meth:`list_groups`."""
        after: Optional[str] = None
        while True:
            page = self.list_groups(limit=limit, after=after)
            for item in page.groups:
                yield item
            if page.next is None:
                return
            after = page.next

    def list_public_groups(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> GroupPage:
        """Returns one page of the public groups, without the caller's roles. See
        :meth:`callie.Client.list_public_groups`.
        """
        return self._run(self._client.list_public_groups(limit=limit, after=after))

    def all_public_groups(self, *, limit: Optional[int] = None) -> Iterator[GroupSummary]:
        """Iterates over all pages of :meth:`list_public_groups`."""
        after: Optional[str] = None
        while True:
            page = self.list_public_groups(limit=limit, after=after)
            for item in page.groups:
                yield item
            if page.next is None:
                return
            after = page.next

    def get_group(self, group_id: str, *, limit: Optional[int] = None, after: Optional[str] = None) -> GroupDetails:
        """Returns a group with one page of its members. See :meth:`callie.Client.get_group`."""
        return self._run(self._client.get_group(group_id, limit=limit, after=after))

    def all_members(self, group_id: str, *, limit: Optional[int] = None) -> Iterator[Member]:
        """Iterates over all pages of :meth:`get_group`."""
        after: Optional[str] = None
        while True:
            page = self.get_group(group_id, limit=limit, after=after)
            for item in page.members:
                yield item
            if page.next is None:
                return
            after = page.next

    def delete_message(self, recipient: str, message_id: str, sender: Optional[str] = None) -> None:
        """Tells everyone who may have received a message to delete it. See :meth:`callie.Client.delete_message`."""
        self._run(self._client.delete_message(recipient, message_id, sender))

    def edit_message(self, recipient: str, message_id: str, text: str) -> None:
        """Replaces the text of one of the caller's messages for everyone who may have received it. See
        :meth:`callie.Client.edit_message`.
        """
        self._run(self._client.edit_message(recipient, message_id, text))

    def signal(self, recipient: str, kind: str, data: Any = None) -> None:
        """Sends a short-lived signal, such as a typing indicator. See :meth:`callie.Client.signal`."""
        self._client.signal(recipient, kind, data)

    def get_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """Returns which of the given users are online. See :meth:`callie.Client.get_presence`."""
        return self._run(self._client.get_presence(usernames))

    def subscribe_presence(self, usernames: Iterable[str]) -> Dict[str, bool]:
        """Returns which of the given users are online, and subscribes to changes until the connection ends. See
        :meth:`callie.Client.subscribe_presence`.
        """
        return self._run(self._client.subscribe_presence(usernames))

    def unsubscribe_presence(self, usernames: Iterable[str]) -> None:
        """Cancels presence subscriptions. See :meth:`callie.Client.unsubscribe_presence`."""
        self._run(self._client.unsubscribe_presence(usernames))

    def get_profile(self, username: str) -> Profile:
        """Returns a user's public profile. See :meth:`callie.Client.get_profile`."""
        return self._run(self._client.get_profile(username))

    def get_settings(self) -> Settings:
        """Returns the caller's settings. See :meth:`callie.Client.get_settings`."""
        return self._run(self._client.get_settings())

    def update_settings(
        self,
        *,
        display_name: Optional[str] = None,
        presence: Union[PresenceAudience, str, None] = None,
        direct_messages: Union[DirectMessages, str, None] = None,
    ) -> Settings:
        """Changes the given settings of the caller, and returns all of them. See :meth:`callie.Client.update_settings`."""
        return self._run(self._client.update_settings(
            display_name=display_name,
            presence=presence,
            direct_messages=direct_messages,
        ))

    def block_user(self, username: str) -> None:
        """Blocks a user: stops direct messages and presence in both directions. See :meth:`callie.Client.block_user`."""
        self._run(self._client.block_user(username))

    def unblock_user(self, username: str) -> None:
        """Unblocks a user, who may then message the caller again. See :meth:`callie.Client.unblock_user`."""
        self._run(self._client.unblock_user(username))

    def list_blocked(self, *, limit: Optional[int] = None, after: Optional[str] = None) -> BlockedPage:
        """Returns one page of the users that the caller has blocked. See :meth:`callie.Client.list_blocked`."""
        return self._run(self._client.list_blocked(limit=limit, after=after))

    def all_blocked(self, *, limit: Optional[int] = None) -> Iterator[str]:
        """Iterates over all pages of :meth:`list_blocked`."""
        after: Optional[str] = None
        while True:
            page = self.list_blocked(limit=limit, after=after)
            for item in page.usernames:
                yield item
            if page.next is None:
                return
            after = page.next

    def list_sessions(self) -> List[SessionInfo]:
        """Returns the caller's sessions, newest first. See :meth:`callie.Client.list_sessions`."""
        return self._run(self._client.list_sessions())

    def revoke_session(self, session_id: str) -> None:
        """Revokes one of the caller's sessions and closes its connections. See :meth:`callie.Client.revoke_session`."""
        self._run(self._client.revoke_session(session_id))

    def kick_user(self, username: str, reason: Optional[str] = None) -> None:
        """Closes a user's connections. See :meth:`callie.Client.kick_user`."""
        self._run(self._client.kick_user(username, reason))

    def ban_user(self, username: str, reason: Optional[str] = None, until: Optional[datetime] = None) -> None:
        """Bans a user: revokes all of the user's sessions and rejects logins. See :meth:`callie.Client.ban_user`."""
        self._run(self._client.ban_user(username, reason, until))

    def unban_user(self, username: str) -> None:
        """Lifts a ban. See :meth:`callie.Client.unban_user`."""
        self._run(self._client.unban_user(username))

    def announce(self, text: str) -> None:
        """Sends an ``ANNOUNCEMENT`` notice to every online user. See :meth:`callie.Client.announce`."""
        self._run(self._client.announce(text))

    def server_stats(self) -> ServerStats:
        """Returns the server's counters. See :meth:`callie.Client.server_stats`."""
        return self._run(self._client.server_stats())
