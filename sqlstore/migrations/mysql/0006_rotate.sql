-- min-reader: 2
-- Renewals that put a new token in the place of the old one. rotate is the grace
-- in microseconds, 0 where a renewal keeps the token: so does a program that does
-- not know it, and it refuses replaced tokens even in their grace. Each statement
-- may be run twice, so the column is added only where it is not there.

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_client ADD COLUMN rotate BIGINT NOT NULL DEFAULT 0', 'DO 0')
	FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'durin_client' AND column_name = 'rotate');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;

-- Tokens that were replaced. token_created tells tokens apart that had one id.
-- seal is the successor's, until seal_until.
CREATE TABLE IF NOT EXISTS durin_replaced (
	digest        VARBINARY(32) NOT NULL PRIMARY KEY,
	token_id      BIGINT NOT NULL,
	token_created BIGINT NOT NULL,
	successor     VARBINARY(32) NOT NULL,
	seal          VARBINARY(2048),
	seal_until    BIGINT,
	good_until    BIGINT NOT NULL,
	forget        BIGINT NOT NULL,
	INDEX durin_replaced_token (token_id),
	INDEX durin_replaced_seal (seal_until),
	INDEX durin_replaced_forget (forget)
) ENGINE = InnoDB;
