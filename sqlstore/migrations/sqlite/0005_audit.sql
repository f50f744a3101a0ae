-- min-reader: 2
-- The audit log: chains of rows that are only appended, and where each stands.

CREATE TABLE durin_audit_chain (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT    NOT NULL UNIQUE,
	seq        INTEGER NOT NULL,
	hash       BLOB    NOT NULL,
	key_id     TEXT    NOT NULL,
	mac        BLOB    NOT NULL,
	first_seq  INTEGER NOT NULL,
	first_hash BLOB    NOT NULL,
	first_key  TEXT    NOT NULL,
	first_mac  BLOB    NOT NULL,
	anchored   INTEGER NOT NULL
) STRICT;

CREATE TABLE durin_audit (
	chain_id   INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	action     TEXT    NOT NULL,
	actor_kind TEXT    NOT NULL,
	actor_id   TEXT    NOT NULL,
	actor_name TEXT    NOT NULL,
	user_id    TEXT    NOT NULL,
	user_name  TEXT    NOT NULL,
	client     TEXT    NOT NULL,
	session_id INTEGER NOT NULL,
	address    TEXT    NOT NULL,
	agent      TEXT    NOT NULL,
	request_id TEXT    NOT NULL,
	details    TEXT    NOT NULL,
	key_id     TEXT    NOT NULL,
	hash       BLOB    NOT NULL,
	PRIMARY KEY (chain_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX durin_audit_at ON durin_audit (at, chain_id, seq);

CREATE INDEX durin_audit_user ON durin_audit (user_id, at, chain_id, seq);

CREATE INDEX durin_audit_actor ON durin_audit (actor_id, at, chain_id, seq);

CREATE INDEX durin_audit_client ON durin_audit (client, at, chain_id, seq);

CREATE INDEX durin_audit_action ON durin_audit (action, at, chain_id, seq);

CREATE INDEX durin_audit_both ON durin_audit (client, action, at, chain_id, seq);
