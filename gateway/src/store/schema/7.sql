-- A message comes in several forms: as notice and decrypted, with corrections. `first` is the far event of the first one, and
-- NULL in its own row. What was taken back is gone.
ALTER TABLE links ADD COLUMN first TEXT;
ALTER TABLE links ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;

-- The reactions to messages that are linked, each an event of its own there; XMPP clients know only all of a person together.
CREATE TABLE reactions (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,
    target  TEXT NOT NULL,                    -- the far event of the message in its first form
    remote  TEXT NOT NULL,                    -- the far event of the reaction
    mine    INTEGER NOT NULL,                 -- the user reacted
    sealed  BLOB NOT NULL,                    -- with what
    at      INTEGER NOT NULL,
    UNIQUE (user, contact, remote)
) STRICT;
CREATE INDEX reactions_by_target ON reactions (user, contact, target);
