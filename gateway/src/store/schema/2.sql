-- A value sealed with the store key, by which a start with another key is noticed before anything is read or written.
CREATE TABLE proof (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB NOT NULL
) STRICT;

-- With which client of the user (its resource) a secret is shared, so that a new client is told from one that lost its
-- secrets. NULL in rows of the first version: it may be any.
ALTER TABLE retained ADD COLUMN client TEXT;
