-- min-reader: 2
-- The instant beyond which nothing moves the expiry of a token that was given a
-- life time of its own. A program that does not know it moves the expiry beyond;
-- those that do take the earlier of the two.

ALTER TABLE durin_token ADD COLUMN ceiling BIGINT;

-- Counts that were added, for as long as a program may come back with them.
CREATE TABLE durin_batch (
	id BYTEA PRIMARY KEY,
	at BIGINT NOT NULL
);

CREATE INDEX durin_batch_at ON durin_batch (at);
