-- min-reader: 2
-- What tells the row behind a key of the ledger from another one that has the key
-- at another time; empty where a program that does not know the column took it. Each
-- statement may be run twice, so the column is added only where it is not there.

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_import ADD COLUMN mark VARBINARY(96) NOT NULL DEFAULT \'\'', 'DO 0')
	FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'durin_import' AND column_name = 'mark');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;

-- Ids of users and clients that were deleted: no import gives them to others.
CREATE TABLE IF NOT EXISTS durin_gone (
	kind VARBINARY(16) NOT NULL,
	id   BIGINT NOT NULL,
	at   BIGINT NOT NULL,
	PRIMARY KEY (kind, id)
) ENGINE = InnoDB;
