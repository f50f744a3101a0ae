-- min-reader: 2
-- What names have in common that differ in case only: folded is the SHA-256 of a
-- name's folded form, NULL until somebody asks for it.

ALTER TABLE durin_user ADD COLUMN folded BYTEA;

CREATE INDEX durin_user_folded ON durin_user (folded);

CREATE INDEX durin_user_unfolded ON durin_user (id) WHERE folded IS NULL;
