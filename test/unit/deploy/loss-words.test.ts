// What a way back takes away, in sentences.

import t from 'tap';
import { lossInWords } from '../../../src/deploy/index.ts';
import { lossInShort } from '../../../src/deploy/loss-words.ts';

const nothing = {
  ...{ databases: [], objects: { written: 0, deleted: 0, versions: 0 } },
  ...{ hasMigrations: false, unknown: [] },
};
const changes = {
  transactions: 3,
  schemaChanges: 1,
  tables: [{ table: 'notes.notes', inserted: 12, updated: 1, deleted: 0 }],
  isComplete: true,
};

t.test('where nothing was written nothing is said, whoever migrated', async (t) => {
  t.strictSame(lossInWords(nothing, 'restore'), []);
  t.strictSame(lossInWords({ ...nothing, hasMigrations: true }, 'set-aside'), []);
});

t.test('rows are told by table, objects by number, and what becomes of them', async (t) => {
  const loss = {
    ...nothing,
    databases: [{ service: 'mysql', changes }],
    objects: { written: 2, deleted: 1, versions: 4 },
  };
  t.strictSame(lossInWords(loss, 'keep'), [
    'Since then, in notes.notes: 12 rows added, 1 changed, 0 deleted; this is kept.',
    'Since then: 2 objects written, 1 deleted; this is kept.',
  ]);
  t.match(lossInWords(loss, 'restore')[0], /; this leaves the application, and is kept until /);
  t.match(lossInWords(loss, 'set-aside')[1], /not in the application any more, but kept aside\.$/);
});

t.test('a count that is not exact says so', async (t) => {
  const databases = [{ service: 'mysql', changes: { ...changes, isComplete: false } }];
  t.strictSame(lossInWords({ ...nothing, databases, hasMigrations: true }, 'restore').slice(1), [
    'What the migrations themselves wrote is among these.',
    'Not all of what was written to mysql since then can be counted: its record of changes begins later, as after a restore.',
  ]);
});

t.test('where the data is kept, the row that the migrations wrote is not said to be', async (t) => {
  const loss = { ...nothing, databases: [{ service: 'mysql', changes }], hasMigrations: true };
  t.match(lossInWords(loss, 'keep')[0], /; this is kept, but for what the migrations wrote\.$/);
  t.match(lossInWords(loss, 'restore')[0], /; this leaves the application, and is kept until /);
});

t.test('what cannot be asked is said to be unknown, and why', async (t) => {
  const loss = { ...nothing, unknown: [{ service: 'mysql', why: 'mysql does not answer' }] };
  t.match(lossInWords(loss, 'restore')[0], /cannot be counted \(mysql does not answer\); .* is kept until /);
  t.strictSame(
    lossInWords(loss, 'restore', ['mysql']),
    ['What was written to mysql since then cannot be counted (mysql does not answer); this will be lost.'],
    'of what does not answer a way back may keep nothing',
  );
});

t.test('in one phrase all tables are one number, and what is not known is not passed over', async (t) => {
  t.equal(lossInShort(nothing), undefined);
  const loss = {
    databases: [{ service: 'mysql', changes }],
    objects: { written: 2, deleted: 0, versions: 4 },
    unknown: [],
  };
  t.equal(lossInShort(loss), '12 rows added, 1 rows changed, 2 objects written');
  const databases = [{ service: 'mysql', changes: { ...changes, tables: [], isComplete: false } }];
  t.equal(lossInShort({ ...nothing, databases }), 'more that cannot be counted');
  const unknown = [{ service: 'mysql', why: 'it does not answer' }];
  t.equal(lossInShort({ ...nothing, unknown }), 'more that cannot be counted');
});
