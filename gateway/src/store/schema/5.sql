-- Whether a client asks for sessions in three messages, whose ends prove by their keys alone who they are: so it is asked, too.
ALTER TABLE client_keys ADD COLUMN signs INTEGER NOT NULL DEFAULT 0;
