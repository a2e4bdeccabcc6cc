// `onstead rehearse`: the upgrade on a copy of the data, beside the running stack.

import { beginOperation, detachFlag, givenPath } from '../begin.ts';
import { isSet, jsonOfFollowed, type Verb } from '../verb.ts';

export const rehearseVerb: Verb = {
  name: 'rehearse',
  summary: 'Try an upgrade on a copy of the data, beside the running stack.',
  usage: 'onstead rehearse BUNDLE [--plan] [--detach]',
  flags: {
    plan: { type: 'boolean', help: 'Only show what would be done.' },
    detach: detachFlag,
  },
  examples: [
    ['onstead rehearse notes-1.1.0.tar', 'see whether its migrations and its app work with the data of now'],
    ['onstead rehearse notes-1.1.0.tar --plan', 'look first; nothing is done'],
  ],
  json: jsonOfFollowed,
  minArgs: 1,
  maxArgs: 1,
  run: (input) =>
    beginOperation(input, {
      route: '/api/rehearse',
      body: { path: givenPath(input), dryRun: isSet(input, 'plan') },
    }),
};
