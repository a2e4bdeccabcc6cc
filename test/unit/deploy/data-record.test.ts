// Whether a data service's new container may hold what people wrote, asked by whoever comes back to it.

import t from 'tap';
import { mayBeWritten, type DataRecord } from '../../../src/deploy/upgrade/data/record.ts';

const record: DataRecord = { stale: ['old'], ready: [] };
const one = (id: string, status: 'created' | 'running' | 'restarting' | 'exited') => ({ id, status });

t.test('before anything was ended nobody can have', async (t) => {
  t.notOk(mayBeWritten(record, [one('old', 'running')]));
  t.notOk(mayBeWritten(record, [one('old', 'exited')]));
  t.notOk(mayBeWritten(record, []), 'none runs at all');
  t.notOk(mayBeWritten(record, [one('new', 'created')]), 'it never ran');
});

t.test('whatever has run since may hold it, also when the verdict was no', async (t) => {
  for (const status of ['running', 'restarting', 'exited'] as const) {
    t.ok(mayBeWritten(record, [one('new', status)]), status);
    t.ok(mayBeWritten({ ...record, fresh: ['new'] }, [one('new', status)]), `${status}, on the way back`);
  }
});

t.test('one that ended while requests waited does not', async (t) => {
  const ended: DataRecord = { ...record, fresh: ['new'], isEnded: true };
  t.notOk(mayBeWritten(ended, [one('new', 'exited')]));
  t.ok(mayBeWritten(ended, [one('new', 'running')]), 'somebody started it again');
});

t.test('the old one, made anew on the way back, is no new one', async (t) => {
  t.notOk(mayBeWritten({ ...record, fresh: ['new'], isEnded: true }, [one('old again', 'running')]));
});

t.test('what was open once stays so', async (t) => {
  t.ok(mayBeWritten({ ...record, isOpen: true }, []));
});
