-- Messages that are kept for users who were connected nowhere. A text is stored once for all users it is kept for, without
-- a token. `conversation` is the recipient that the sender named: a user or a group.
CREATE TABLE kept_texts (
    id           TEXT   PRIMARY KEY NOT NULL,
    sender       TEXT   NOT NULL,
    payload_id   TEXT   NOT NULL,
    message_id   TEXT   NOT NULL,
    conversation TEXT   NOT NULL,
    sent         BIGINT NOT NULL,
    kept         BIGINT NOT NULL,
    text         TEXT   NOT NULL,
    UNIQUE (sender, payload_id, message_id, sent)
);
CREATE INDEX kept_texts_by_message ON kept_texts (sender, message_id);
CREATE INDEX kept_texts_by_time ON kept_texts (kept);

-- How much is kept for each user, and the place of the user's last message, which never decreases.
CREATE TABLE kept_inboxes (
    recipient TEXT   PRIMARY KEY NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    messages  BIGINT NOT NULL,
    bytes     BIGINT NOT NULL,
    last      BIGINT NOT NULL
);

-- The messages of each user in order.
CREATE TABLE kept_messages (
    recipient TEXT   NOT NULL REFERENCES kept_inboxes (recipient) ON DELETE CASCADE,
    place     BIGINT NOT NULL,
    text_id   TEXT   NOT NULL REFERENCES kept_texts (id) ON DELETE CASCADE,
    bytes     BIGINT NOT NULL,
    PRIMARY KEY (recipient, place)
);
CREATE INDEX kept_messages_by_text ON kept_messages (text_id);
