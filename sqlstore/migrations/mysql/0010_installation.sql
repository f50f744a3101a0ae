-- min-reader: 2
-- Which installation this is, one row: what it shares with others, as a Redis, it
-- keeps apart by this name. The statement may be run twice.

CREATE TABLE IF NOT EXISTS durin_installation (
	one  BIGINT NOT NULL PRIMARY KEY,
	name VARBINARY(64) NOT NULL,
	made BIGINT NOT NULL
) ENGINE = InnoDB;
