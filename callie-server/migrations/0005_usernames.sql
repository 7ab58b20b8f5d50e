-- Every name that a user has or had. A name stays here when its account is deleted, so that it is never given again.
-- `deletion` is the ID of the deletion, by which the event log refers to the name without containing it.
CREATE TABLE usernames (
    name     TEXT PRIMARY KEY NOT NULL,
    deletion TEXT UNIQUE
);
INSERT INTO usernames (name) SELECT name FROM users;
