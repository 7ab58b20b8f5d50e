"""The results of commands: what the native library returns, as the values of this package."""

from __future__ import annotations

from typing import Any, Dict, List

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


def _word(kind: Any, native: Any) -> Any:
    """A member of an enum, from the one of the native library that has the same name."""
    return None if native is None else kind[native.name]


def group(native: Any) -> Group:
    return Group(native.group_id, native.name, native.members, _word(Visibility, native.visibility))


def group_page(native: Any) -> GroupPage:
    groups = [GroupSummary(g.group_id, g.name, g.member_count, _word(Role, g.role)) for g in native.groups]
    return GroupPage(groups, native.next)


def group_details(native: Any) -> GroupDetails:
    members = [Member(m.username, _word(Role, m.role), m.online) for m in native.members]
    return GroupDetails(
        native.group_id, native.name, _word(Visibility, native.visibility), native.member_count, members, native.next
    )


def blocked_page(native: Any) -> BlockedPage:
    return BlockedPage(native.usernames, native.next)


def presence(native: Any) -> Dict[str, bool]:
    return native


def profile(native: Any) -> Profile:
    return Profile(native.username, native.display_name)


def settings(native: Any) -> Settings:
    return Settings(
        native.display_name,
        _word(PresenceAudience, native.presence),
        _word(DirectMessages, native.direct_messages),
    )


def server_stats(native: Any) -> ServerStats:
    return ServerStats(**vars(native))


def sessions(native: Any) -> List[SessionInfo]:
    return [
        SessionInfo(
            info.session_id,
            info.device,
            info.created_at,
            info.last_seen_at,
            info.expires_at,
            info.current,
        )
        for info in native
    ]
