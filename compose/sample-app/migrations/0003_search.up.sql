ALTER TABLE notes ADD FULLTEXT INDEX words (title, body);

-- What is trimmed away here is gone: this migration has no way down.
UPDATE notes SET title = TRIM(title), body = TRIM(body);
