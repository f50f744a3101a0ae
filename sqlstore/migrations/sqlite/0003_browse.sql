-- min-reader: 2
-- What people look at: counts by day and client (client 0: what belongs to none),
-- and indexes so that no page reads a large table as a whole.

CREATE TABLE durin_activity (
	day       INTEGER NOT NULL,
	client_id INTEGER NOT NULL,
	requests  INTEGER NOT NULL,
	throttled INTEGER NOT NULL,
	logins    INTEGER NOT NULL,
	refused   INTEGER NOT NULL,
	failed    INTEGER NOT NULL,
	PRIMARY KEY (day, client_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX durin_token_lives ON durin_token (client_id, expires);

CREATE INDEX durin_usage_busiest ON durin_usage (day, requests);

CREATE INDEX durin_usage_user ON durin_usage (user_id, day);

CREATE INDEX durin_user_admin ON durin_user (name) WHERE admin = 1;

CREATE INDEX durin_user_inactive ON durin_user (name) WHERE active = 0;
