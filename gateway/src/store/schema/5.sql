-- Whether a client asks for sessions in three messages, whose ends prove by their keys alone who they are: so it is asked, too.
ALTER TABLE client_keys ADD COLUMN signs INTEGER NOT NULL DEFAULT 0;

-- Whether the client compares by a code that cannot be searched (esessions.md, W1): it is not let go back to the old one.
ALTER TABLE retained ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;

-- What we have published for who writes to a contact while its login is away (XEP-0187), and the marks of what came in for it.
CREATE TABLE published (
    id      INTEGER PRIMARY KEY,
    user    INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    contact TEXT NOT NULL,                    -- empty for the gateway itself
    form    TEXT NOT NULL,
    sealed  BLOB NOT NULL,                    -- the seed
    expires INTEGER NOT NULL
) STRICT;
CREATE TABLE replays (
    published INTEGER NOT NULL REFERENCES published ON DELETE CASCADE,
    mark      BLOB NOT NULL,
    PRIMARY KEY (published, mark)
) STRICT;

-- Whether it lies at the user's server already, sealed for when they come back. It waits here all the same for its receipt.
ALTER TABLE deliveries ADD COLUMN left_for_later INTEGER NOT NULL DEFAULT 0;
