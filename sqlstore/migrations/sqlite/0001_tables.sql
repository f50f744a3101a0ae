-- min-reader: 1
-- Instants are microseconds since 1970 in UTC, durations microseconds; never is
-- NULL. There are no foreign keys: SQLite checks them only on connections that
-- ask for it, so the store keeps the references itself, alike on every engine.

CREATE TABLE durin_client (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	name        TEXT    NOT NULL UNIQUE,
	ttl         INTEGER,
	rate_n      INTEGER NOT NULL,
	rate_period INTEGER NOT NULL,
	policy      TEXT    NOT NULL,
	max_tokens  INTEGER NOT NULL,
	sliding     INTEGER NOT NULL,
	max_life    INTEGER,
	no_password INTEGER NOT NULL,
	description TEXT    NOT NULL,
	created     INTEGER NOT NULL
) STRICT;

CREATE TABLE durin_user (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT    NOT NULL UNIQUE,
	password   TEXT    NOT NULL,
	active     INTEGER NOT NULL,
	admin      INTEGER NOT NULL,
	created    INTEGER NOT NULL,
	last_login INTEGER
) STRICT;

-- owner is the durin_user of user_id, NULL where users live elsewhere.
CREATE TABLE durin_token (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	digest    BLOB    NOT NULL UNIQUE,
	user_id   TEXT    NOT NULL,
	owner     INTEGER,
	client_id INTEGER NOT NULL,
	created   INTEGER NOT NULL,
	issued_at INTEGER NOT NULL,
	expires   INTEGER,
	last_used INTEGER,
	name      TEXT    NOT NULL,
	address   TEXT    NOT NULL,
	agent     TEXT    NOT NULL,
	seal      BLOB,
	imported  INTEGER
) STRICT;

CREATE INDEX durin_token_user ON durin_token (user_id, client_id);

CREATE INDEX durin_token_client ON durin_token (client_id, id);

CREATE INDEX durin_token_expires ON durin_token (expires);

CREATE INDEX durin_token_sealed ON durin_token (id) WHERE seal IS NOT NULL;

-- A slot is what logins of one user and client wait for each other on.
CREATE TABLE durin_slot (
	user_id   TEXT    NOT NULL,
	client_id INTEGER NOT NULL,
	touched   INTEGER NOT NULL,
	PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;

-- A row with neither digest nor client_id concerns everything. gone says that
-- the token or client is gone for good.
CREATE TABLE durin_outbox (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	at        INTEGER NOT NULL,
	digest    BLOB,
	client_id INTEGER,
	gone      INTEGER NOT NULL
) STRICT;

CREATE TABLE durin_usage (
	day       INTEGER NOT NULL,
	user_id   TEXT    NOT NULL,
	client_id INTEGER NOT NULL,
	requests  INTEGER NOT NULL,
	throttled INTEGER NOT NULL,
	PRIMARY KEY (day, user_id, client_id)
) STRICT, WITHOUT ROWID;

-- The ledger: which rows of other systems were taken, and what they became.
CREATE TABLE durin_import (
	source     TEXT    NOT NULL,
	source_key TEXT    NOT NULL,
	target     INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	PRIMARY KEY (source, source_key)
) STRICT, WITHOUT ROWID;
