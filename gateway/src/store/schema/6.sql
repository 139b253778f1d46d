-- OMEMO (XEP-0384). Towards each user a contact is one device, made when somebody first asks for it; the gateway itself is the
-- contact ''. A dialect is 1 (eu.siacs.conversations.axolotl) or 2 (urn:xmpp:omemo:2).
CREATE TABLE omemo_identities (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    device  INTEGER NOT NULL,                 -- its number in the device list
    sealed  BLOB NOT NULL,
    PRIMARY KEY (user, contact)
) STRICT;
CREATE TABLE omemo_prekeys (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    dialect INTEGER NOT NULL,
    sealed  BLOB NOT NULL,
    PRIMARY KEY (user, contact, dialect)
) STRICT;

-- The user's own devices, as their server lists them, and what they are known by.
CREATE TABLE omemo_lists (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    dialect INTEGER NOT NULL,
    devices TEXT NOT NULL,                    -- numbers with spaces between them
    PRIMARY KEY (user, dialect)
) STRICT;
CREATE TABLE omemo_devices (
    user     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    device   INTEGER NOT NULL,
    identity BLOB NOT NULL,                   -- its Curve25519 form
    trust    TEXT NOT NULL DEFAULT 'blind',   -- blind | verified | distrusted: what people have said of it
    PRIMARY KEY (user, device)
) STRICT;

-- The sessions of a contact's device with one of the user's, sealed.
CREATE TABLE omemo_sessions (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    dialect INTEGER NOT NULL,
    device  INTEGER NOT NULL,
    sealed  BLOB NOT NULL,
    PRIMARY KEY (user, contact, dialect, device)
) STRICT;

-- Whether OMEMO is what the user's client has protected the conversation with last; ESession if not.
ALTER TABLE contacts ADD COLUMN omemo INTEGER NOT NULL DEFAULT 0;
