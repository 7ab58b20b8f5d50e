-- Invitations to register, by the hash of their token: the token itself is never stored.
CREATE TABLE invitations (
    token_hash TEXT   PRIMARY KEY NOT NULL,
    uses       BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);
