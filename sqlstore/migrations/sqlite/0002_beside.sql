-- min-reader: 2
-- A program that does not know cookie would take a token of such a client in a
-- header.

ALTER TABLE durin_client ADD COLUMN cookie INTEGER NOT NULL DEFAULT 0;

-- Secrets of other services that may ask about tokens. Several of one name are
-- in use while they change.
CREATE TABLE durin_resource_server (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	name    TEXT    NOT NULL,
	digest  BLOB    NOT NULL UNIQUE,
	created INTEGER NOT NULL,
	expires INTEGER
) STRICT;
