-- min-reader: 2
-- The instant beyond which nothing moves the expiry of a token that was given a
-- life time of its own. A program that does not know it moves the expiry beyond;
-- those that do take the earlier of the two.
-- It may be run twice, so the column is added only where it is not there.

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_token ADD COLUMN ceiling BIGINT', 'DO 0')
	FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'durin_token' AND column_name = 'ceiling');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;

-- Counts that were added, for as long as a program may come back with them.
CREATE TABLE IF NOT EXISTS durin_batch (
	id VARBINARY(16) NOT NULL PRIMARY KEY,
	at BIGINT NOT NULL,
	INDEX durin_batch_at (at)
) ENGINE = InnoDB;
