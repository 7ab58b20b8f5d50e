-- Users, their settings and bans. Instants are milliseconds since 1970, flags are 0 or 1.
CREATE TABLE users (
    name            TEXT   PRIMARY KEY NOT NULL,
    password        TEXT   NOT NULL,
    created         BIGINT NOT NULL,
    admin           BIGINT NOT NULL DEFAULT 0,
    banned          BIGINT NOT NULL DEFAULT 0,
    banned_until    BIGINT,
    ban_reason      TEXT,
    display_name    TEXT   NOT NULL DEFAULT '',
    presence        TEXT   NOT NULL DEFAULT 'groups',
    direct_messages TEXT   NOT NULL DEFAULT 'everyone'
);

-- Sessions, by the hash of their token: the token itself is never stored.
CREATE TABLE sessions (
    id         TEXT   PRIMARY KEY NOT NULL,
    token_hash TEXT   NOT NULL UNIQUE,
    username   TEXT   NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    device     TEXT,
    created    BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (username, created);
CREATE INDEX sessions_by_expiry ON sessions (expires);

-- What running servers must hear of: sessions that ended, users who were banned.
-- Each server reads the newest ones several times a second; old ones are removed.
CREATE TABLE events (
    id      TEXT   PRIMARY KEY NOT NULL,
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    reason  TEXT,
    until   BIGINT
);
CREATE INDEX events_by_time ON events (at);
