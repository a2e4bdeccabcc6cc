// `onstead rollback`: back to the release before, with the data as it is now or as it was then.

import { OnsteadError } from '../../base/errors.ts';
import { beginIfAgreed, detachFlag, yesFlag } from '../begin.ts';
import { isSet, textFlag, type Verb, type VerbInput } from '../verb.ts';

export const rollbackVerb: Verb = {
  name: 'rollback',
  summary: 'Go back to the release before the last upgrade.',
  usage: 'onstead rollback [--keep-data | --restore-data] [--to ID] [--yes] [--detach]',
  flags: {
    'keep-data': {
      type: 'boolean',
      help: 'Keep what was written since, and take the newer migrations back. The default.',
    },
    'restore-data': {
      type: 'boolean',
      help: 'Put the data of then in place; what was written since is lost.',
    },
    to: { type: 'string', value: 'ID', help: 'The upgrade to take back. Default: the last one.' },
    yes: yesFlag,
    detach: detachFlag,
  },
  examples: [
    ['onstead rollback', 'see the whole plan; nothing is changed'],
    ['onstead rollback --yes', 'go back and watch'],
    ['onstead rollback --restore-data', 'see what going back with the data of then would lose'],
  ],
  maxArgs: 0,
  run: rollback,
};

function rollback(input: VerbInput): Promise<number> {
  if (isSet(input, 'keep-data') && isSet(input, 'restore-data')) {
    throw new OnsteadError('usage.flags', '--keep-data and --restore-data exclude each other.', {
      next: 'Give one of them.',
    });
  }
  const to = textFlag(input, 'to');
  const data = isSet(input, 'restore-data') ? 'restore' : 'keep';
  return beginIfAgreed(input, { route: '/api/rollback', body: to === undefined ? { data } : { to, data } });
}
