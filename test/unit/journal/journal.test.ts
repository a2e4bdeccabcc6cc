// The journal keeps what was planned and tried, in order, and allows only what the table allows.

import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import { Journal, type JournalEvent } from '../../../src/journal/index.ts';
import {
  isOver,
  mayHaveEffect,
  operationStates,
  resumeRules,
  stepStates,
  transitions,
  type OperationState,
} from '../../../src/journal/states.ts';
import { openJournal, operationOf } from './lab.ts';

/** A way along the table from the first state to each other one. */
const ways = new Map<OperationState, readonly OperationState[]>([['planned', []]]);
for (const [state, way] of ways) {
  for (const next of transitions[state]) if (!ways.has(next)) ways.set(next, [...way, next]);
}

t.test('a new operation stands there with its whole plan', async (t) => {
  const { journal } = await openJournal(t);
  const { id } = journal.create(operationOf('one', 'two'));
  t.match(id, /^trial-20261121-050000-[2-9a-z]{4}$/);
  t.match(journal.get(id), {
    kind: 'trial',
    title: 'Try it',
    state: 'planned',
    createdAt: '2026-11-21T05:00:00.000Z',
    startedAt: null,
    finishedAt: null,
    error: null,
    steps: [
      { n: 1, type: 'one', title: 'Do one', state: 'pending', attempts: 0, progress: null },
      { n: 2, type: 'two', title: 'Do two', state: 'pending', attempts: 0, progress: null },
    ],
  });
  t.strictSame(journal.input(id), { what: 'trial' });
  t.strictSame(journal.steps(id)[1]?.input, { type: 'two' });
  t.notOk('input' in journal.get(id).steps[0]!, 'what is served has no inputs');
});

t.test('a second operation is refused while one is under way, and told apart from a stuck one', async (t) => {
  const { journal } = await openJournal(t);
  const { id } = journal.create(operationOf('one'));
  for (const state of ['planned', 'running', 'verifying', 'rolling-back'] as const) {
    if (state !== 'planned') journal.move(id, state);
    const error = t.throws(() => journal.create(operationOf('one')), { code: 'operation.busy' });
    t.match(error, { message: new RegExp(`${id}.*is running`), next: new RegExp(`show ${id} --follow`) });
  }
  journal.move(id, 'stuck');
  const stuck = t.throws(() => journal.create(operationOf('one')), { code: 'operation.stuck' });
  t.match(stuck, { message: /stuck/, next: new RegExp(`resume ${id}.*abandon ${id}`) });
  t.equal(journal.list().length, 1, 'a refused one leaves nothing behind');
  journal.move(id, 'rolling-back');
  journal.move(id, 'rolled-back');
  t.ok(journal.create(operationOf('one')).id, 'a settled one holds nobody up');
});

for (const from of operationStates) {
  t.test(`from ${from} an operation goes only where the table says`, async (t) => {
    for (const to of operationStates) {
      const { journal } = await openJournal(t);
      const { id } = journal.create(operationOf('one'));
      for (const step of ways.get(from)!) journal.move(id, step);
      const events = journal.events(id).length;
      if (transitions[from].includes(to)) {
        journal.move(id, to);
        t.equal(journal.get(id).state, to);
        t.equal(journal.events(id).length, events + 1);
      } else if (from === to) {
        journal.move(id, to);
        t.equal(journal.events(id).length, events, 'staying is no event');
      } else {
        t.throws(() => journal.move(id, to), { message: `an operation cannot go from ${from} to ${to}` });
        t.equal(journal.get(id).state, from);
        t.equal(journal.events(id).length, events);
      }
    }
  });
}

t.test('the tables fit each other', async (t) => {
  t.strictSame([...ways.keys()].sort(), [...operationStates].sort(), 'every state can be reached');
  for (const state of operationStates) {
    if (isOver(state)) t.equal(resumeRules[state], 'leave', `${state} is over and is left alone`);
    else
      t.ok(
        resumeRules[state] !== 'leave' || state === 'stuck',
        `${state} is taken up, or waits for a person`,
      );
  }
  t.strictSame(
    stepStates.filter((state) => !mayHaveEffect[state]),
    ['pending', 'skipped', 'undone'],
  );
});

t.test('times tell when an operation began and ended', async (t) => {
  const { journal, clock } = await openJournal(t);
  const { id } = journal.create(operationOf('one'));
  clock.advance(1000);
  journal.move(id, 'running');
  clock.advance(1000);
  journal.move(id, 'stuck', new OnsteadError('operation.stuck', 'It is stuck.', { next: 'Look.' }));
  t.match(journal.get(id), {
    startedAt: '2026-11-21T05:00:01.000Z',
    finishedAt: '2026-11-21T05:00:02.000Z',
    error: { code: 'operation.stuck', message: 'It is stuck.', next: 'Look.' },
  });
  clock.advance(1000);
  journal.move(id, 'running');
  t.match(journal.get(id), { startedAt: '2026-11-21T05:00:01.000Z', finishedAt: null });
  journal.move(id, 'done');
  t.equal(journal.get(id).finishedAt, '2026-11-21T05:00:03.000Z');
  t.equal(journal.get(id).error, null, 'what was wrong once is no error of the end');
});

t.test('the reason of a rollback stays to its end', async (t) => {
  const { journal } = await openJournal(t);
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  journal.move(id, 'rolling-back', new Error('no luck'));
  journal.move(id, 'rolled-back');
  t.match(journal.get(id).error, { message: 'no luck' });
});

t.test('events come back in their order, and from any point on', async (t) => {
  const { journal } = await openJournal(t);
  const heard: JournalEvent[] = [];
  const stop = journal.listen((event) => heard.push(event));
  const { id } = journal.create(operationOf('one', 'two'));
  journal.move(id, 'running');
  journal.attempt(id, 1, 'running');
  journal.note(id, 1, 'so far so good');
  journal.progress(id, 1, { done: 1, total: 2, unit: 'items' });
  journal.settle(id, 1, 'done', { note: 'two of them' });
  const story = journal.events(id);
  t.match(
    story.map(({ type, step, state, text }) => [type, step, state, text]),
    [
      ['operation', null, 'planned', 'Try it'],
      ['operation', null, 'running', null],
      ['step', 1, 'running', null],
      ['note', 1, null, 'so far so good'],
      ['step', 1, 'done', 'two of them'],
    ],
  );
  const seqs = story.map(({ seq }) => seq);
  t.strictSame(
    seqs,
    seqs.toSorted((a, b) => a - b),
  );
  t.equal(new Set(seqs).size, seqs.length);
  for (const [at, seq] of seqs.entries()) t.strictSame(journal.events(id, seq), story.slice(at + 1));
  t.strictSame(
    heard.filter(({ type }) => type !== 'progress'),
    story,
    'a listener hears what is replayed',
  );
  t.match(
    heard.filter(({ type }) => type === 'progress'),
    [{ seq: 0, progress: { done: 1, total: 2 } }],
  );
  stop();
  journal.note(id, null, 'unheard');
  t.equal(heard.length, story.length + 1);
});

t.test('a state and its event are written together or not at all', async (t) => {
  const { journal, db } = await openJournal(t);
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  db.exec(`create trigger broken before insert on event begin select raise(abort, 'no room'); end`);
  t.throws(() => journal.move(id, 'done'), { message: 'no room' });
  t.equal(journal.get(id).state, 'running');
  t.throws(() => journal.attempt(id, 1, 'running'), { message: 'no room' });
  t.match(journal.steps(id), [{ state: 'pending', attempts: 0 }]);
  t.throws(() => journal.settle(id, 1, 'done'), { message: 'no room' });
  t.match(journal.steps(id), [{ state: 'pending' }]);
  db.exec('drop trigger broken; delete from operation where false');
  journal.move(id, 'done');
  db.exec(`create trigger broken before insert on event begin select raise(abort, 'no room'); end`);
  t.throws(() => journal.create(operationOf('one')), { message: 'no room' });
  t.equal(journal.list().length, 1);
});

t.test('a listener that fails harms neither the journal nor the other listeners', async (t) => {
  const { journal } = await openJournal(t);
  const heard: JournalEvent[] = [];
  journal.listen(() => {
    throw new Error('a reader broke');
  });
  journal.listen((event) => heard.push(event));
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  t.equal(heard.length, 2);
});

t.test('progress is shown while a step runs and forgotten when it ends', async (t) => {
  const { journal } = await openJournal(t);
  const { id } = journal.create(operationOf('one'));
  journal.attempt(id, 1, 'running');
  journal.progress(id, 1, { done: 5, total: 9, unit: 'bytes', note: 'half' });
  t.match(journal.get(id).steps[0]?.progress, { done: 5, total: 9, unit: 'bytes', note: 'half' });
  journal.settle(id, 1, 'done');
  t.equal(journal.get(id).steps[0]?.progress, null);
});

t.test('an unknown operation is said to be unknown', async (t) => {
  const { journal } = await openJournal(t);
  t.throws(() => journal.get('nobody'), { code: 'operation.unknown', message: /"nobody"/ });
});

t.test('the newest operation is listed first', async (t) => {
  const { journal, clock } = await openJournal(t);
  const ids = [0, 1, 2].map(() => {
    clock.advance(1000);
    const { id } = journal.create(operationOf('one'));
    journal.move(id, 'running');
    journal.move(id, 'done');
    return id;
  });
  t.strictSame(
    journal.list().map(({ id }) => id),
    ids.toReversed(),
  );
  t.strictSame(
    journal.list(2).map(({ id }) => id),
    ids.toReversed().slice(0, 2),
  );
  t.strictSame(journal.unfinished(), []);
});

t.test('facts are kept, replaced and cleared', async (t) => {
  const { journal } = await openJournal(t);
  t.equal(journal.fact('size'), undefined);
  journal.setFact('size', { cpus: 2 });
  journal.setFact('size', { cpus: 4 });
  t.strictSame(journal.fact('size'), { cpus: 4 });
  journal.clearFact('size');
  t.equal(journal.fact('size'), undefined);
});

t.test('old events are dropped while the operation stays', async (t) => {
  const { journal, clock } = await openJournal(t);
  const { id } = journal.create(operationOf('one'));
  clock.advance(60_000);
  journal.move(id, 'running');
  t.equal(journal.forgetEventsBefore(new Date(clock.now().getTime() - 1)), 1);
  t.match(journal.events(id), [{ state: 'running' }]);
  t.equal(journal.get(id).state, 'running');
});

t.test('two journals on one file see the same operations and keep one at a time', async (t) => {
  const { journal, path, clock } = await openJournal(t);
  const { openDatabase } = await import('../../../src/journal/index.ts');
  const secondDb = openDatabase(path);
  t.teardown(() => secondDb.close());
  const second = new Journal(secondDb, clock);
  const { id } = journal.create(operationOf('one'));
  t.equal(second.get(id).state, 'planned');
  t.throws(() => second.create(operationOf('two')), { code: 'operation.busy' });
  second.move(id, 'running');
  second.move(id, 'done');
  t.equal(journal.get(id).state, 'done');
  t.strictSame(journal.events(id), second.events(id));
  t.ok(journal.create(operationOf('three')).id);
});

t.test('nothing that is said on the way is kept or told before it was masked', async (t) => {
  const { db, clock } = await openJournal(t);
  const mask = (text: string): string => text.replaceAll('hunter22', '[secret]');
  const journal = new Journal(db, clock, { mask });
  const told: JournalEvent[] = [];
  journal.listen((event) => told.push(event));
  const { id } = journal.create(operationOf('one', 'two'));
  journal.move(id, 'running');
  journal.attempt(id, 1, 'running');
  journal.note(id, 1, 'note hunter22');
  journal.progress(id, 1, { done: 1, total: 2, unit: 'items', note: 'progress hunter22' });
  const shown = journal.get(id).steps[0]?.progress;
  journal.settle(id, 1, 'done', { note: 'done hunter22' });
  const error = new OnsteadError('engine.not-healthy', 'said hunter22', {
    next: 'look at hunter22',
    details: [{ message: 'last hunter22', lines: ['deep hunter22'], exitCode: 3 }],
  });
  journal.settle(id, 2, 'failed', { error });
  journal.move(id, 'rolling-back', error);
  t.match(shown, { done: 1, note: 'progress [secret]' });
  const report = {
    message: 'said [secret]',
    next: 'look at [secret]',
    details: [{ message: 'last [secret]', lines: ['deep [secret]'], exitCode: 3 }],
  };
  t.match(journal.get(id), { error: report, steps: [{ note: 'done [secret]' }, { error: report }] });
  t.match(JSON.stringify(told), /note \[secret\].*progress \[secret\].*done \[secret\].*said \[secret\]/);
  t.notMatch(JSON.stringify([journal.get(id), journal.events(id), told]), /hunter22/);
});

t.test('the newest operation is the one that was made last, whatever the clock said', async (t) => {
  const { journal, clock } = await openJournal(t);
  clock.advance(365 * 86_400_000);
  const ahead = journal.create(operationOf('one'));
  journal.move(ahead.id, 'running');
  journal.move(ahead.id, 'done');
  clock.advance(-365 * 86_400_000);
  const after = journal.create(operationOf('one'));
  t.equal(journal.newestId(), after.id);
  t.strictSame(
    journal.list().map(({ id }) => id),
    [after.id, ahead.id],
  );
});
