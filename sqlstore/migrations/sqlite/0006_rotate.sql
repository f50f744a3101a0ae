-- min-reader: 2
-- Renewals that put a new token in the place of the old one. rotate is the grace
-- in microseconds, 0 where a renewal keeps the token: so does a program that does
-- not know it, and it refuses replaced tokens even in their grace.

ALTER TABLE durin_client ADD COLUMN rotate INTEGER NOT NULL DEFAULT 0;

-- Tokens that were replaced. token_created tells tokens apart that had one id.
-- seal is the successor's, until seal_until.
CREATE TABLE durin_replaced (
	digest        BLOB NOT NULL PRIMARY KEY,
	token_id      INTEGER NOT NULL,
	token_created INTEGER NOT NULL,
	successor     BLOB NOT NULL,
	seal          BLOB,
	seal_until    INTEGER,
	good_until    INTEGER NOT NULL,
	forget        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX durin_replaced_token ON durin_replaced (token_id);

CREATE INDEX durin_replaced_seal ON durin_replaced (seal_until) WHERE seal_until IS NOT NULL;

CREATE INDEX durin_replaced_forget ON durin_replaced (forget);
