// Counting rows from the lines that `mysqlbinlog --verbose` prints, however they are cut into pieces.

import t from 'tap';
import { ChangeCounter } from '../../../src/stack/points/row-changes.ts';

const lines = [
  "SET @@SESSION.GTID_NEXT= 'c506d8b3-e5a8-11f1-b743-b5d0f458d732:5'/*!*/;",
  '### INSERT INTO `notes`.`kept`',
  '### INSERT INTO `notes`.`kept`',
  '### UPDATE `notes`.`other`',
  'COMMIT/*!*/;',
  "SET @@SESSION.GTID_NEXT= 'c506d8b3-e5a8-11f1-b743-b5d0f458d732:6'/*!*/;",
  "SET @@SESSION.GTID_NEXT= 'c506d8b3-e5a8-11f1-b743-b5d0f458d732:7'/*!*/;",
  '### DELETE FROM `notes`.`späte ``Notiz`',
  'COMMIT/*!*/;',
  '=== 0',
  '',
];
const text = Buffer.from(lines.join('\n')).toString('latin1');

t.test('rows are counted by table, and what is no row by itself', async (t) => {
  for (const size of [1, 7, 64, text.length]) {
    const counter = new ChangeCounter();
    for (let at = 0; at < text.length; at += size) counter.push(text.slice(at, at + size));
    t.equal(counter.exitCode, 0);
    t.strictSame(counter.result(), {
      transactions: 3,
      schemaChanges: 1,
      tables: [
        { table: 'notes.kept', inserted: 2, updated: 0, deleted: 0 },
        { table: 'notes.other', inserted: 0, updated: 1, deleted: 0 },
        { table: 'notes.späte `Notiz', inserted: 0, updated: 0, deleted: 1 },
      ],
    });
  }
});

t.test('a program that did not end well, or did not say how, is no count', async (t) => {
  const failed = new ChangeCounter();
  failed.push('### INSERT INTO `a`.`b`\n=== 1\n');
  t.equal(failed.exitCode, 1);
  const cut = new ChangeCounter();
  cut.push('### INSERT INTO `a`.`b`\n=== ');
  t.equal(cut.exitCode, undefined);
});
