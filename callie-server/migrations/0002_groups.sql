-- Groups. The number of members is kept beside them, so that lists need no counting.
CREATE TABLE chat_groups (
    id           TEXT   PRIMARY KEY NOT NULL,
    name         TEXT   NOT NULL,
    visibility   TEXT   NOT NULL,
    member_count BIGINT NOT NULL,
    created      BIGINT NOT NULL
);
CREATE INDEX chat_groups_by_visibility ON chat_groups (visibility, id);

-- Members; a smaller place has stood longer.
CREATE TABLE group_members (
    group_id TEXT   NOT NULL REFERENCES chat_groups (id) ON DELETE CASCADE,
    username TEXT   NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    role     TEXT   NOT NULL,
    place    BIGINT NOT NULL,
    PRIMARY KEY (group_id, username)
);
CREATE INDEX group_members_by_user ON group_members (username, group_id);

CREATE TABLE blocks (
    blocker TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    blocked TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    PRIMARY KEY (blocker, blocked)
);
CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker);
