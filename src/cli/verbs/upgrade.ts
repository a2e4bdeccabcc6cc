// `onstead upgrade`: to a newer release, with a way back.

import { OnsteadError } from '../../base/errors.ts';
import { STRATEGIES } from '../../release/index.ts';
import { beginOperation, detachFlag, givenPath } from '../begin.ts';
import { isSet, textFlag, type Verb, type VerbInput } from '../verb.ts';

export const upgradeVerb: Verb = {
  name: 'upgrade',
  summary: 'Upgrade to a newer release; what fails is taken back.',
  usage: 'onstead upgrade BUNDLE [--strategy NAME] [--yes] [--detach]',
  flags: {
    strategy: {
      type: 'string',
      value: 'NAME',
      help: `How replicas are replaced: ${STRATEGIES.join(', ')}. Default: as the release says.`,
    },
    yes: { type: 'boolean', help: 'Do it; without this it only shows the plan.' },
    detach: detachFlag,
  },
  examples: [
    ['onstead upgrade notes-1.1.0.tar', 'see the whole plan; nothing is changed'],
    ['onstead upgrade notes-1.1.0.tar --yes', 'upgrade and watch'],
    ['onstead upgrade notes-1.1.0.tar --strategy canary --yes', 'let few requests try it first'],
  ],
  minArgs: 1,
  maxArgs: 1,
  run: upgrade,
};

async function upgrade(input: VerbInput): Promise<number> {
  const strategy = strategyFrom(input);
  const isOnlyPlan = !isSet(input, 'yes');
  const code = await beginOperation(input, {
    route: '/api/upgrade',
    body: {
      path: givenPath(input),
      dryRun: isOnlyPlan,
      ...(strategy === undefined ? {} : { strategy }),
    },
  });
  if (isOnlyPlan && code === 0) input.terminal.say('Nothing was changed. Add --yes to do it.');
  return code;
}

function strategyFrom(input: VerbInput): string | undefined {
  const strategy = textFlag(input, 'strategy');
  if (strategy === undefined || STRATEGIES.some((one) => one === strategy)) return strategy;
  throw new OnsteadError('usage.strategy', `"${strategy}" is not a strategy.`, {
    next: `Choose one of ${STRATEGIES.join(', ')}.`,
  });
}
