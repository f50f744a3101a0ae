-- min-reader: 1
-- Instants are microseconds since 1970 in UTC, durations microseconds; never is
-- NULL. Text is VARBINARY, because it compares byte by byte: the collations that
-- do are padded with blanks on MariaDB or go by other names on MySQL. Each
-- statement may be run twice: these engines do not take back a change of the
-- schema. There are no foreign keys: the store keeps the references itself,
-- alike on every engine.

CREATE TABLE IF NOT EXISTS durin_client (
	id          BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name        VARBINARY(256) NOT NULL UNIQUE,
	ttl         BIGINT,
	rate_n      BIGINT NOT NULL,
	rate_period BIGINT NOT NULL,
	policy      VARBINARY(16) NOT NULL,
	max_tokens  BIGINT NOT NULL,
	sliding     BIGINT NOT NULL,
	max_life    BIGINT,
	no_password BIGINT NOT NULL,
	description VARBINARY(4000) NOT NULL,
	created     BIGINT NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS durin_user (
	id         BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name       VARBINARY(600) NOT NULL UNIQUE,
	password   VARBINARY(2048) NOT NULL,
	active     BIGINT NOT NULL,
	admin      BIGINT NOT NULL,
	created    BIGINT NOT NULL,
	last_login BIGINT
) ENGINE = InnoDB;

-- owner is the durin_user of user_id, NULL where users live elsewhere.
CREATE TABLE IF NOT EXISTS durin_token (
	id        BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	digest    VARBINARY(32) NOT NULL UNIQUE,
	user_id   VARBINARY(64) NOT NULL,
	owner     BIGINT,
	client_id BIGINT NOT NULL,
	created   BIGINT NOT NULL,
	issued_at BIGINT NOT NULL,
	expires   BIGINT,
	last_used BIGINT,
	name      VARBINARY(255) NOT NULL,
	address   VARBINARY(255) NOT NULL,
	agent     VARBINARY(255) NOT NULL,
	seal      VARBINARY(2048),
	imported  BIGINT,
	KEY durin_token_user (user_id, client_id),
	KEY durin_token_client (client_id, id),
	KEY durin_token_expires (expires)
) ENGINE = InnoDB;

-- A slot is what logins of one user and client wait for each other on.
CREATE TABLE IF NOT EXISTS durin_slot (
	user_id   VARBINARY(64) NOT NULL,
	client_id BIGINT NOT NULL,
	touched   BIGINT NOT NULL,
	PRIMARY KEY (user_id, client_id)
) ENGINE = InnoDB;

-- A row with neither digest nor client_id concerns everything. gone says that
-- the token or client is gone for good.
CREATE TABLE IF NOT EXISTS durin_outbox (
	seq       BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	at        BIGINT NOT NULL,
	digest    VARBINARY(32),
	client_id BIGINT,
	gone      BIGINT NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS durin_usage (
	day       BIGINT NOT NULL,
	user_id   VARBINARY(64) NOT NULL,
	client_id BIGINT NOT NULL,
	requests  BIGINT NOT NULL,
	throttled BIGINT NOT NULL,
	PRIMARY KEY (day, user_id, client_id)
) ENGINE = InnoDB;

-- The ledger: which rows of other systems were taken, and what they became.
CREATE TABLE IF NOT EXISTS durin_import (
	source     VARBINARY(64) NOT NULL,
	source_key VARBINARY(128) NOT NULL,
	target     BIGINT NOT NULL,
	at         BIGINT NOT NULL,
	PRIMARY KEY (source, source_key)
) ENGINE = InnoDB;
