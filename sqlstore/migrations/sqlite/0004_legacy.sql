-- min-reader: 2
-- The SHA-512 of imported tokens that nobody has used yet. A program that does
-- not know it refuses them, and nothing worse: their digest is no token's.

ALTER TABLE durin_token ADD COLUMN legacy BLOB;

CREATE UNIQUE INDEX durin_token_legacy ON durin_token (legacy) WHERE legacy IS NOT NULL;
