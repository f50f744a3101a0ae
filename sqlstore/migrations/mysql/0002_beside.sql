-- min-reader: 2
-- A program that does not know cookie would take a token of such a client in a
-- header. Each statement may be run twice, so the column is added only where it
-- is not there.

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_client ADD COLUMN cookie BIGINT NOT NULL DEFAULT 0', 'DO 0')
	FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'durin_client' AND column_name = 'cookie');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;

-- Secrets of other services that may ask about tokens. Several of one name are
-- in use while they change.
CREATE TABLE IF NOT EXISTS durin_resource_server (
	id      BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name    VARBINARY(64) NOT NULL,
	digest  VARBINARY(32) NOT NULL UNIQUE,
	created BIGINT NOT NULL,
	expires BIGINT
) ENGINE = InnoDB;
