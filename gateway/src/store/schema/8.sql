-- OpenPGP for XMPP (XEP-0373). `contacts.omemo` is 2 where it is what protects a conversation.

-- A contact's key towards one user.
CREATE TABLE openpgp_keys (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    sealed  BLOB NOT NULL,
    at      INTEGER NOT NULL,                 -- when it was made
    PRIMARY KEY (user, contact)
) STRICT;

-- The user's certificates that were seen, and what people have said of them.
CREATE TABLE openpgp_certificates (
    user        INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    octets      BLOB NOT NULL,
    listed      INTEGER NOT NULL,             -- the user's server lists it now
    trust       TEXT NOT NULL DEFAULT 'blind',
    PRIMARY KEY (user, fingerprint)
) STRICT;

-- Messages that were read, until they are too old to be read again.
CREATE TABLE openpgp_seen (
    user  INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    id    BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (user, id)
) STRICT;
