-- min-reader: 2
-- Names of 254 characters, and what they have in common that differ in case only:
-- folded is the SHA-256 of a name's folded form, NULL until somebody asks for it.
-- Each statement may be run twice, so the column is added only where it is not
-- there.

ALTER TABLE durin_user MODIFY COLUMN name VARBINARY(1016) NOT NULL;

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_user ADD COLUMN folded VARBINARY(32), ADD INDEX durin_user_folded (folded)', 'DO 0')
	FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'durin_user' AND column_name = 'folded');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;
