-- min-reader: 2
-- Which installation this is, one row: what it shares with others, as a Redis, it
-- keeps apart by this name.

CREATE TABLE durin_installation (
	one  INTEGER NOT NULL PRIMARY KEY,
	name TEXT    NOT NULL,
	made INTEGER NOT NULL
) STRICT;
