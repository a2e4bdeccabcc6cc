// A story that users of other products tell: it said that it was done, and it was not.

import t from 'tap';
import type { OperationView } from '../../../src/api/schemas.ts';
import { isOver, operationStates } from '../../../src/journal/index.ts';
import { event, linesOf, onstead, openDaemon, operation } from './cli-lab.ts';

const error = {
  code: 'gate.errors',
  message: 'The new release answers with errors.',
  next: 'Ask the vendor.',
};

async function upgradeThatEnds(t: Parameters<typeof openDaemon>[0], state: OperationView['state']) {
  const end = operation(state, {
    kind: 'upgrade',
    title: 'Upgrade Notes',
    ...(state === 'done' ? {} : { error }),
  });
  const socket = await openDaemon(t, {
    'POST /api/upgrade': linesOf([{ kind: 'operation', id: 'install-1' }]),
    'GET /api/operations/install-1': end,
    'GET /api/operations/install-1/events': linesOf([event(1, { type: 'operation', state })]),
    'GET /api/status': { addresses: ['https://localhost'] },
  });
  return onstead(['upgrade', 'x.tar', '--yes'], { socket });
}

t.test(
  '"upgrade complete" was printed without looking at the exit code: only what is done is called done',
  async (t) => {
    for (const state of operationStates.filter((one) => isOver(one) || one === 'stuck')) {
      const { code, out } = await upgradeThatEnds(t, state);
      t.equal(code === 0, state === 'done', state);
      t.equal(/\bDone: /.test(out), state === 'done', state);
      t.equal(/It is at https/.test(out), state === 'done', state);
      if (state !== 'done') t.match(out, 'The new release answers with errors.');
    }
  },
);
