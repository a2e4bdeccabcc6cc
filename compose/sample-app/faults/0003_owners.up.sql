CREATE TABLE owners (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) NOT NULL
) ENGINE = InnoDB;

-- There is no such column: the table above stays behind, and the migration ends half-way.
ALTER TABLE notes ADD COLUMN owner_id BIGINT UNSIGNED NULL AFTER no_such_column;
