-- min-reader: 2
-- The SHA-512 of imported tokens that nobody has used yet. A program that does
-- not know it refuses them, and nothing worse: their digest is no token's. Each
-- statement may be run twice, so the column is added only where it is not there.

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_token ADD COLUMN legacy VARBINARY(64), ADD UNIQUE INDEX durin_token_legacy (legacy)', 'DO 0')
	FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'durin_token' AND column_name = 'legacy');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;
