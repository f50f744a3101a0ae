-- min-reader: 2
-- What tells the row behind a key of the ledger from another one that has the key
-- at another time; empty where a program that does not know the column took it.

ALTER TABLE durin_import ADD COLUMN mark TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Ids of users and clients that were deleted: no import gives them to others.
CREATE TABLE durin_gone (
	kind TEXT COLLATE "C" NOT NULL,
	id   BIGINT NOT NULL,
	at   BIGINT NOT NULL,
	PRIMARY KEY (kind, id)
);
