// `onstead rollback`: back to the release before, with the data as it is now or as it was then.

import { OnsteadError } from '../../base/errors.ts';
import { beginIfAgreed, detachFlag, yesFlag } from '../begin.ts';
import { isSet, jsonOfFollowed, textFlag, type Verb, type VerbInput } from '../verb.ts';

export const rollbackVerb: Verb = {
  name: 'rollback',
  summary: 'Go back over the last upgrade; one that is under way is turned round.',
  usage:
    'onstead rollback [--keep-data | --restore-data] [--to ID] [--uncounted] [--steps] [--yes] [--detach]',
  flags: {
    'keep-data': {
      type: 'boolean',
      help: 'Keep what was written since, and take the newer migrations back. The default.',
    },
    'restore-data': {
      type: 'boolean',
      help: 'Put the data of then in place; what was written since leaves the application, and is kept as a way back.',
    },
    to: {
      type: 'string',
      value: 'ID',
      help: 'The upgrade or rollback to undo. Default: the last upgrade; once that is undone, none.',
    },
    uncounted: {
      type: 'boolean',
      help: 'Agree where a data service does not answer: what was written since is unknown.',
    },
    steps: { type: 'boolean', help: 'List every step of the plan, with its time.' },
    yes: yesFlag,
    detach: detachFlag,
  },
  examples: [
    ['onstead rollback', 'see the whole plan; nothing is changed'],
    ['onstead rollback --yes', 'go back and watch'],
    ['onstead rollback --restore-data', 'see what going back with the data of then would lose'],
    ['onstead rollback --to rollback-20261121-054512-k3f9 --restore-data', 'undo a rollback, as a plan'],
  ],
  json: jsonOfFollowed,
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
  const chosen = to === undefined ? {} : { to };
  const agreed = isSet(input, 'uncounted') ? { uncounted: true } : {};
  return beginIfAgreed(input, { route: '/api/rollback', body: { data, ...chosen, ...agreed } });
}
