// What is set aside, as a person sees it and removes it.

import t from 'tap';
import { MIB } from '../../../src/base/units.ts';
import { onstead, openDaemon } from './cli-lab.ts';

const one = {
  ...{ id: 'upgrade-7', operation: 'upgrade-7', at: '2026-11-20T05:06:07.000Z', what: '51 rows added' },
  ...{ bytes: 121 * MIB, volumes: [{ name: 'notes_mysql-data.upgrade-7', bytes: 120 * MIB }] },
  files: [{ path: '/var/lib/onstead/set-aside/upgrade-7/minio.tar', bytes: MIB }],
};

t.test('a list says what, since when and how much', async (t) => {
  const socket = await openDaemon(t, { 'GET /api/set-aside': [one, { ...one, id: 'other', what: null }] });
  const { code, out } = await onstead(['set-aside'], { socket });
  t.equal(code, 0);
  t.match(out, /^upgrade-7 .*121 MB.*51 rows added\nother .*121 MB.*not counted\nIt is kept until /);
  t.strictSame(JSON.parse((await onstead(['set-aside', '--json'], { socket })).out)[0], one);
});

t.test('nothing is nothing', async (t) => {
  const socket = await openDaemon(t, { 'GET /api/set-aside': [] });
  t.equal((await onstead(['set-aside'], { socket })).out, 'Nothing is set aside.\n');
});

t.test('one is shown with its volumes and files', async (t) => {
  const socket = await openDaemon(t, { 'GET /api/set-aside': [one] });
  const { code, out } = await onstead(['set-aside', 'show', 'upgrade-7'], { socket });
  t.equal(code, 0);
  t.match(out, /volume notes_mysql-data\.upgrade-7 {2}120 MB\n {2}file \/var\/lib\/\S+minio\.tar {2}1 MB/);
});

t.test('it is removed only where that is agreed to', async (t) => {
  let removed = 0;
  const socket = await openDaemon(t, {
    'GET /api/set-aside': [one],
    'POST /api/set-aside/upgrade-7/remove': (_request: unknown, response: { end(text: string): void }) => {
      removed += 1;
      response.end(JSON.stringify(one));
    },
  });
  t.match(await onstead(['set-aside', 'remove', 'upgrade-7'], { socket }), { code: 0, out: /Add --yes/ });
  t.equal(removed, 0);
  t.match(await onstead(['set-aside', 'remove', 'upgrade-7', '--yes'], { socket }), {
    ...{ code: 0, out: 'Removed: upgrade-7, 121 MB.\n' },
  });
  t.equal(removed, 1);
});

t.test('a wrong word is told what would be right', async (t) => {
  const socket = await openDaemon(t, { 'GET /api/set-aside': [one] });
  t.match(await onstead(['set-aside', 'forget'], { socket }), { code: 2, err: /Use list, show or remove/ });
  t.match(await onstead(['set-aside', 'show'], { socket }), { code: 2, err: /It is not said which/ });
  t.match(await onstead(['set-aside', 'remove', 'x'], { socket }), {
    code: 2,
    err: /Nothing is set aside as/,
  });
});
