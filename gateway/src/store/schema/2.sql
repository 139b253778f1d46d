-- A value sealed with the store key, by which a start with another key is noticed before anything is read or written.
CREATE TABLE proof (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB NOT NULL
) STRICT;
