-- min-reader: 2
-- What people look at: counts by day and client (client 0: what belongs to none),
-- and indexes so that no page reads a large table as a whole.

CREATE TABLE durin_activity (
	day       BIGINT NOT NULL,
	client_id BIGINT NOT NULL,
	requests  BIGINT NOT NULL,
	throttled BIGINT NOT NULL,
	logins    BIGINT NOT NULL,
	refused   BIGINT NOT NULL,
	failed    BIGINT NOT NULL,
	PRIMARY KEY (day, client_id)
);

CREATE INDEX durin_token_lives ON durin_token (client_id, expires);

CREATE INDEX durin_usage_busiest ON durin_usage (day, requests);

CREATE INDEX durin_usage_user ON durin_usage (user_id, day);

CREATE INDEX durin_user_admin ON durin_user (name) WHERE admin = 1;

CREATE INDEX durin_user_inactive ON durin_user (name) WHERE active = 0;
