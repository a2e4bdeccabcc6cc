// `onstead install`: from a signed bundle to a running stack.

import { resolve } from 'node:path';
import { errorFrom } from '../../base/errors.ts';
import type { BeginMessage, PlanAnswer, StatusAnswer } from '../../api/schemas.ts';
import { exitCodeOfOperation } from '../exit-codes.ts';
import { followOperation } from '../follow.ts';
import { sayPermissions } from '../permissions.ts';
import { drawBar } from '../terminal.ts';
import { isSet, type Verb, type VerbInput } from '../verb.ts';

export const installVerb: Verb = {
  name: 'install',
  summary: 'Install a release from its bundle, or put an installation right.',
  usage: 'onstead install BUNDLE [--plan] [--detach]',
  flags: {
    plan: { type: 'boolean', help: 'Only show what would be done.' },
    detach: { type: 'boolean', help: 'Return as soon as it is under way.' },
  },
  examples: [
    ['onstead install notes-1.0.0.tar', 'install and watch'],
    ['onstead install notes-1.0.0.tar --plan', 'look first; nothing is changed'],
  ],
  minArgs: 1,
  maxArgs: 1,
  run: install,
};

/** What a shell expects after Ctrl-C. */
const INTERRUPTED = 130;

interface Begun {
  readonly plan: PlanAnswer | undefined;
  readonly id: string | undefined;
}

async function begin({ client, terminal, signal }: VerbInput, path: string, dryRun: boolean): Promise<Begun> {
  const startedMs = performance.now();
  let id: string | undefined;
  let plan: PlanAnswer | undefined;
  try {
    for await (const message of client.lines<BeginMessage>('/api/install', {
      body: { path, dryRun },
      signal,
    })) {
      if (message.kind === 'error') throw errorFrom(message.error);
      if (message.kind === 'progress') {
        terminal.redraw(drawBar('Checking the bundle', message, performance.now() - startedMs));
      } else if (message.kind === 'plan') {
        plan = message.plan;
      } else {
        id = message.id;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return { plan, id };
}

async function install(input: VerbInput): Promise<number> {
  const { terminal, client, signal, args } = input;
  const path = resolve(args[0]!);
  const dryRun = isSet(input, 'plan');
  const { plan, id } = await begin(input, path, dryRun);
  if (signal.aborted && id === undefined) {
    terminal.say('Nothing was begun.');
    return INTERRUPTED;
  }
  if (plan !== undefined) showPlan(plan, input, dryRun);
  if (id === undefined) {
    terminal.answer(plan);
    return 0;
  }
  if (isSet(input, 'detach')) {
    terminal.say(`Under way as ${id}. Follow it with: onstead operations show ${id} --follow`);
    terminal.answer({ operation: id });
    return 0;
  }
  const operation = await followOperation({ id, client, terminal, signal });
  if (operation.state === 'done') await sayWhere(input);
  return signal.aborted ? 0 : exitCodeOfOperation(operation);
}

function showPlan(plan: PlanAnswer, { terminal }: VerbInput, dryRun: boolean): void {
  terminal.say(`${terminal.paint('strong', `${plan.title} ${plan.version}`)}, ${plan.steps.length} steps`);
  sayPermissions(plan.permissions, terminal);
  if (dryRun)
    for (const [at, step] of plan.steps.entries())
      terminal.say(`${String(at + 1).padStart(4)}  ${step.title}`);
}

async function sayWhere({ client, terminal }: VerbInput): Promise<void> {
  const status = await client.get<StatusAnswer>('/api/status');
  terminal.say(`It is at ${status.addresses.map((address) => terminal.paint('strong', address)).join(', ')}`);
}
