// `onstead install`: from a signed bundle to a running stack.

import { beginOperation, detachFlag, givenPath } from '../begin.ts';
import { isSet, jsonOfFollowed, type Verb } from '../verb.ts';

export const installVerb: Verb = {
  name: 'install',
  summary: 'Install a release from its bundle, or put an installation right.',
  usage: 'onstead install BUNDLE [--plan] [--detach]',
  flags: {
    plan: { type: 'boolean', help: 'Only show what would be done.' },
    detach: detachFlag,
  },
  examples: [
    ['onstead install notes-1.0.0.tar', 'install and watch'],
    ['onstead install notes-1.0.0.tar --plan', 'look first; nothing is changed'],
  ],
  json: jsonOfFollowed,
  minArgs: 1,
  maxArgs: 1,
  run: (input) =>
    beginOperation(input, {
      route: '/api/install',
      body: { path: givenPath(input), dryRun: isSet(input, 'plan') },
    }),
};
