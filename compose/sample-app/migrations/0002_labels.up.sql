-- Nullable, so that replicas of the release before go on inserting rows without it.
ALTER TABLE notes ADD COLUMN label VARCHAR(40) NULL;
