-- The signing keys of ours, one for each contact, made when a client first asks for one.
CREATE TABLE signing_keys (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,                    -- far id, or empty for the gateway itself
    sealed  BLOB NOT NULL,
    PRIMARY KEY (user, contact)
) STRICT;

-- The public keys that the user's clients have signed with.
CREATE TABLE client_keys (
    user     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    key      TEXT NOT NULL,                   -- in its one spelling
    client   TEXT NOT NULL,                   -- the resource that first showed it
    verified INTEGER NOT NULL DEFAULT 0,      -- people compared codes in a session that it signed
    PRIMARY KEY (user, key)
) STRICT;
