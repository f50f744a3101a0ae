-- min-reader: 2
-- What people look at: counts by day and client (client 0: what belongs to none),
-- and indexes so that no page reads a large table as a whole. Each statement may
-- be run twice, so indexes are added only where they are not there.

CREATE TABLE IF NOT EXISTS durin_activity (
	day       BIGINT NOT NULL,
	client_id BIGINT NOT NULL,
	requests  BIGINT NOT NULL,
	throttled BIGINT NOT NULL,
	logins    BIGINT NOT NULL,
	refused   BIGINT NOT NULL,
	failed    BIGINT NOT NULL,
	PRIMARY KEY (day, client_id)
) ENGINE = InnoDB;

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_token ADD INDEX durin_token_lives (client_id, expires)', 'DO 0')
	FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'durin_token' AND index_name = 'durin_token_lives');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_usage ADD INDEX durin_usage_busiest (day, requests), ADD INDEX durin_usage_user (user_id, day)', 'DO 0')
	FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'durin_usage' AND index_name = 'durin_usage_user');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;

SET @durin_add = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE durin_user ADD INDEX durin_user_admin (admin, name), ADD INDEX durin_user_inactive (active, name)', 'DO 0')
	FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'durin_user' AND index_name = 'durin_user_admin');

PREPARE durin_add FROM @durin_add;

EXECUTE durin_add;

DEALLOCATE PREPARE durin_add;
