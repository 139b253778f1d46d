-- Every row belongs to one user. `sealed` columns are encrypted at rest.

CREATE TABLE users (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    network TEXT NOT NULL,
    jid     TEXT NOT NULL,                    -- bare JID
    policy  TEXT NOT NULL DEFAULT 'prefer',   -- require | prefer | off: encryption towards the user's client
    sharing TEXT NOT NULL DEFAULT 'cross-signed',
    told    INTEGER NOT NULL DEFAULT 0,       -- what the user was told once (bit set)
    UNIQUE (network, jid)
) STRICT;

CREATE TABLE logins (
    id      TEXT PRIMARY KEY,
    user    INTEGER NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
    account TEXT NOT NULL,                    -- the user's own far id
    sealed  BLOB NOT NULL                     -- what the bridge needs to resume
) STRICT;

CREATE TABLE contacts (
    user       INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact    TEXT NOT NULL,                 -- far id
    conv       TEXT,                          -- the direct conversation, once there is one
    encrypted  INTEGER NOT NULL DEFAULT 0,    -- whether that conversation is encrypted on the far side
    invite     INTEGER NOT NULL DEFAULT 0,    -- whether conv is an invitation not yet answered
    name       TEXT,
    avatar     BLOB,
    avatar_type TEXT,
    subscribed INTEGER NOT NULL DEFAULT 0,    -- the user receives the contact's presence
    asked      INTEGER NOT NULL DEFAULT 0,    -- we have asked the user for theirs
    granted    INTEGER NOT NULL DEFAULT 0,    -- the user gives us theirs
    protected  INTEGER NOT NULL DEFAULT 0,    -- the conversation was encrypted towards the user's client once
    blocked    TEXT,                          -- why delivery to this contact stops until the user confirms
    PRIMARY KEY (user, contact)
) STRICT;
CREATE UNIQUE INDEX contacts_by_conv ON contacts (user, conv) WHERE conv IS NOT NULL;

-- XMPP -> far: what arrived (for duplicates), then what has still to be sent, in order of seq.
CREATE TABLE inbox (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    id      TEXT NOT NULL,                    -- the sender's own id of the message
    sent    INTEGER NOT NULL DEFAULT 0,       -- whether the network has accepted it
    at      INTEGER NOT NULL,
    PRIMARY KEY (user, contact, id)
) STRICT;

CREATE TABLE outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    txn     TEXT NOT NULL UNIQUE,
    sealed  BLOB NOT NULL,                    -- text and whom to answer
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_contact ON outbox (user, contact, seq);

-- far -> XMPP: where each conversation stands, what was seen, and what has still to be delivered, in order of seq.
CREATE TABLE positions (
    user     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    conv     TEXT NOT NULL,
    position TEXT NOT NULL,
    PRIMARY KEY (user, conv)
) STRICT;

CREATE TABLE seen (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    conv    TEXT NOT NULL,
    remote  TEXT NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (user, conv, remote, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    stanza  TEXT NOT NULL,                    -- the id the user's client sees, the same at every try
    remote  TEXT,                             -- the far event, where there is one
    sealed  BLOB NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (user, contact, stanza)
) STRICT;
CREATE INDEX deliveries_by_contact ON deliveries (user, contact, seq);

-- Which stanza is which far event, for receipts and read marks in both directions.
CREATE TABLE links (
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    stanza  TEXT NOT NULL,
    remote  TEXT NOT NULL,
    mine    INTEGER NOT NULL,                 -- the user wrote it
    at      INTEGER NOT NULL,
    PRIMARY KEY (user, contact, stanza)
) STRICT;
CREATE INDEX links_by_remote ON links (user, contact, remote);

-- Retained secrets of ESessions (XEP-0116), one row a peer client; the gateway itself is the contact ''.
CREATE TABLE retained (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user     INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact  TEXT NOT NULL,
    sealed   BLOB NOT NULL,
    pending  INTEGER NOT NULL,
    verified INTEGER NOT NULL,
    used     INTEGER NOT NULL
) STRICT;
CREATE INDEX retained_by_contact ON retained (user, contact);
