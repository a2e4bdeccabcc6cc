// `onstead bundle`: for vendors, build and sign a release; for customers, check one. Needs no daemon.

import { OnsteadError } from '../../base/errors.ts';
import type { Verb, VerbInput } from '../verb.ts';
import { buildAction } from './bundle-build.ts';
import { inspectAction, keygenAction, verifyAction } from './bundle-check.ts';

const actions: Readonly<Record<string, (input: VerbInput) => Promise<number>>> = {
  build: buildAction,
  inspect: inspectAction,
  verify: verifyAction,
  keygen: keygenAction,
};

export const bundleVerb: Verb = {
  name: 'bundle',
  summary: 'Build, sign, inspect and verify bundles.',
  usage: [
    'onstead bundle keygen NAME',
    'onstead bundle build COMPOSE.yaml --key NAME.key --out FILE.tar [--pull]',
    'onstead bundle build COMPOSE.yaml --key NAME.key --out FILE.tar --from OLD.tar | --for FINGERPRINT',
    'onstead bundle verify FILE.tar --trust NAME.pub',
    'onstead bundle inspect FILE.tar',
  ].join('\n'),
  flags: {
    key: {
      type: 'string',
      value: 'FILE',
      help: 'build: the secret key that signs, as `keygen` or minisign made it.',
    },
    'password-file': {
      type: 'string',
      value: 'FILE',
      help: 'The password of the secret key; or set ONSTEAD_KEY_PASSWORD.',
    },
    out: { type: 'string', short: 'o', value: 'FILE', help: 'build: where the bundle goes.' },
    image: {
      type: 'string',
      multiple: true,
      value: 'SERVICE=REF',
      help: "build: take this service's image from here instead.",
    },
    from: {
      type: 'string',
      multiple: true,
      value: 'OLD.tar',
      help: 'build: make a delta, for appliances with this release; with several, for those with any one of them.',
    },
    for: {
      type: 'string',
      value: 'FILE',
      help: 'build: make a delta for one appliance, from what `onstead fingerprint` printed there.',
    },
    pull: {
      type: 'boolean',
      help: 'build: ask the registry anew also for images that the engine has from one.',
    },
    created: {
      type: 'string',
      value: 'TIME',
      help: "build: the release's date; the same inputs give the same bytes. Default: SOURCE_DATE_EPOCH, or now.",
    },
    cache: {
      type: 'string',
      value: 'FOLDER',
      help: 'build: where compressed layers are kept for the next build.',
    },
    'without-daemon': {
      type: 'boolean',
      help: 'build: leave Onstead itself out (for an appliance that has it).',
    },
    trust: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: "verify: a public key to accept. Default: this machine's trusted keys.",
    },
  },
  examples: [
    ['onstead bundle keygen acme', 'once: writes acme.key (keep it secret) and acme.pub'],
    ['onstead bundle build compose.yaml --key acme.key --out pms-1.4.0.tar', 'every release'],
    [
      'onstead bundle build compose.yaml --key acme.key --out pms-1.4.1-delta.tar --from pms-1.4.0.tar',
      'only what 1.4.0 does not have',
    ],
    [
      'onstead bundle verify pms-1.4.0.tar --trust acme.pub',
      'what an appliance does before it reads anything',
    ],
  ],
  minArgs: 2,
  maxArgs: 2,
  async run(input) {
    const action = actions[input.args[0]!];
    if (action !== undefined) return action(input);
    throw new OnsteadError('usage.action', `There is no "onstead bundle ${input.args[0]}".`, {
      next: `Use ${Object.keys(actions).join(', ')}; see \`onstead bundle --help\`.`,
    });
  },
};
