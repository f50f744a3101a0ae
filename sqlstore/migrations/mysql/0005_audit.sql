-- min-reader: 2
-- The audit log: chains of rows that are only appended, and where each stands.
-- Each statement may be run twice.

CREATE TABLE IF NOT EXISTS durin_audit_chain (
	id         BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name       VARBINARY(255) NOT NULL UNIQUE,
	seq        BIGINT NOT NULL,
	hash       VARBINARY(32) NOT NULL,
	key_id     VARBINARY(16) NOT NULL,
	mac        VARBINARY(32) NOT NULL,
	first_seq  BIGINT NOT NULL,
	first_hash VARBINARY(32) NOT NULL,
	first_key  VARBINARY(16) NOT NULL,
	first_mac  VARBINARY(32) NOT NULL,
	anchored   BIGINT NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS durin_audit (
	chain_id   BIGINT NOT NULL,
	seq        BIGINT NOT NULL,
	at         BIGINT NOT NULL,
	action     VARBINARY(64) NOT NULL,
	actor_kind VARBINARY(16) NOT NULL,
	actor_id   VARBINARY(64) NOT NULL,
	actor_name VARBINARY(255) NOT NULL,
	user_id    VARBINARY(64) NOT NULL,
	user_name  VARBINARY(255) NOT NULL,
	client     VARBINARY(255) NOT NULL,
	session_id BIGINT NOT NULL,
	address    VARBINARY(64) NOT NULL,
	agent      VARBINARY(255) NOT NULL,
	request_id VARBINARY(64) NOT NULL,
	details    VARBINARY(4000) NOT NULL,
	key_id     VARBINARY(16) NOT NULL,
	hash       VARBINARY(32) NOT NULL,
	PRIMARY KEY (chain_id, seq),
	KEY durin_audit_at (at, chain_id, seq),
	KEY durin_audit_user (user_id, at, chain_id, seq),
	KEY durin_audit_actor (actor_id, at, chain_id, seq),
	KEY durin_audit_client (client, at, chain_id, seq),
	KEY durin_audit_action (action, at, chain_id, seq),
	KEY durin_audit_both (client, action, at, chain_id, seq)
) ENGINE = InnoDB;
