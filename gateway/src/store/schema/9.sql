-- How each of the user's clients has last encrypted what it wrote to a contact, or to the gateway (''): 1 in sessions of
-- XEP-0116, 2 by OMEMO, 3 by OpenPGP. Of what came before nobody knows the client: ''. The newest row is the last one.
CREATE TABLE protections (
    user       INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact    TEXT NOT NULL,
    resource   TEXT NOT NULL,
    protection INTEGER NOT NULL,
    PRIMARY KEY (user, contact, resource)
) STRICT;
INSERT INTO protections (user, contact, resource, protection)
    SELECT user, contact, '', omemo + 1 FROM contacts WHERE protected = 1;
ALTER TABLE contacts DROP COLUMN omemo;

-- Which prekeys of the user's devices our contacts have begun sessions with: each is good for one.
CREATE TABLE omemo_prekeys_taken (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    dialect INTEGER NOT NULL,
    device  INTEGER NOT NULL,
    prekey  INTEGER NOT NULL,
    PRIMARY KEY (user, dialect, device, prekey)
) STRICT;

-- What the user's verified devices say of others (XEP-0450); of a sender that is not verified it waits until it is.
CREATE TABLE omemo_trust_messages (
    user     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    sender   BLOB NOT NULL,                   -- identity of the device that says it
    identity BLOB NOT NULL,                   -- of the one that it is about
    trust    TEXT NOT NULL,                   -- verified | distrusted
    PRIMARY KEY (user, sender, identity)
) STRICT;

-- By what the file beside the database is known that nobody but the gateway writes, which of its two names it has, and when a copy
-- of the database was last put back (seconds since 1970; 0: never).
CREATE TABLE witness (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    turn    INTEGER NOT NULL,
    inode   INTEGER NOT NULL,
    changed TEXT NOT NULL,
    since   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Whether the user has been told that it is there.
ALTER TABLE omemo_devices ADD COLUMN told INTEGER NOT NULL DEFAULT 1;
ALTER TABLE openpgp_certificates ADD COLUMN told INTEGER NOT NULL DEFAULT 1;
