// `onstead rollback`: back to the release before, with the data as it is now.

import { beginIfAgreed, detachFlag, yesFlag } from '../begin.ts';
import { textFlag, type Verb, type VerbInput } from '../verb.ts';

export const rollbackVerb: Verb = {
  name: 'rollback',
  summary: 'Go back to the release before the last upgrade; the data stays.',
  usage: 'onstead rollback [--to ID] [--yes] [--detach]',
  flags: {
    to: { type: 'string', value: 'ID', help: 'The upgrade to take back. Default: the last one.' },
    yes: yesFlag,
    detach: detachFlag,
  },
  examples: [
    ['onstead rollback', 'see the whole plan; nothing is changed'],
    ['onstead rollback --yes', 'go back and watch'],
  ],
  maxArgs: 0,
  run: rollback,
};

function rollback(input: VerbInput): Promise<number> {
  const to = textFlag(input, 'to');
  return beginIfAgreed(input, { route: '/api/rollback', body: to === undefined ? {} : { to } });
}
