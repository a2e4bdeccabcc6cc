// `onstead upgrade`: to a newer release, with a way back.

import { OnsteadError } from '../../base/errors.ts';
import { STRATEGIES } from '../../release/index.ts';
import { beginIfAgreed, detachFlag, givenPath, yesFlag } from '../begin.ts';
import { isSet, jsonOfFollowed, textFlag, type Verb, type VerbInput } from '../verb.ts';

export const upgradeVerb: Verb = {
  name: 'upgrade',
  summary: 'Upgrade to a newer release; what fails is taken back.',
  usage: 'onstead upgrade BUNDLE [--strategy NAME] [--at TIME] [--irreversible] [--steps] [--yes] [--detach]',
  flags: {
    strategy: {
      type: 'string',
      value: 'NAME',
      help: `How replicas are replaced: ${STRATEGIES.join(', ')}. Default: as the release says.`,
    },
    at: {
      type: 'string',
      value: 'TIME',
      help: "Begin then, on the machine's clock: 02:30, or '2026-11-22 02:30'.",
    },
    irreversible: {
      type: 'boolean',
      help: 'Agree to what cannot be taken back: a migration, or another series of MySQL.',
    },
    steps: { type: 'boolean', help: 'List every step of the plan, with its time.' },
    yes: yesFlag,
    detach: detachFlag,
  },
  examples: [
    ['onstead upgrade notes-1.1.0.tar', 'see the whole plan; nothing is changed'],
    ['onstead upgrade notes-1.1.0.tar --yes', 'upgrade and watch'],
    ['onstead upgrade notes-1.1.0.tar --strategy canary --yes', 'let few requests try it first'],
    ['onstead upgrade notes-1.1.0.tar --at 02:30 --yes', 'in the coming night'],
  ],
  json: jsonOfFollowed,
  minArgs: 1,
  maxArgs: 1,
  run: upgrade,
};

function upgrade(input: VerbInput): Promise<number> {
  const strategy = strategyFrom(input);
  const chosen = strategy === undefined ? {} : { strategy };
  const at = textFlag(input, 'at');
  const later = at === undefined ? {} : { at };
  return beginIfAgreed(input, {
    route: '/api/upgrade',
    body: { path: givenPath(input), irreversible: isSet(input, 'irreversible'), ...chosen, ...later },
  });
}

function strategyFrom(input: VerbInput): string | undefined {
  const strategy = textFlag(input, 'strategy');
  if (strategy === undefined || STRATEGIES.some((one) => one === strategy)) return strategy;
  throw new OnsteadError('usage.strategy', `"${strategy}" is not a strategy.`, {
    next: `Choose one of ${STRATEGIES.join(', ')}.`,
  });
}
