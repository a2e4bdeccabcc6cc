ALTER TABLE notes DROP COLUMN owner_id;

DROP TABLE owners;
