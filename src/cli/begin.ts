// Begins an operation, and stays with it to its end: how far the looking is, the plan, then every step.

import { resolve } from 'node:path';
import { errorFrom } from '../base/errors.ts';
import type { AppointmentAnswer, BeginMessage, PlanAnswer, StatusAnswer } from '../api/schemas.ts';
import { exitCodeFor, exitCodeOfOperation } from './exit-codes.ts';
import { followOperation } from './follow.ts';
import { sayPermissions } from './permissions.ts';
import { drawBar, type Terminal } from './terminal.ts';
import { sayPlanned, sayTime } from './planned.ts';
import { sayRollbackPlan } from './rollback-plan.ts';
import { sayDirection, saySteps, sayUpgradePlan } from './upgrade-plan.ts';
import { isSet, type VerbInput } from './verb.ts';

/** What a shell expects after Ctrl-C. */
const INTERRUPTED = 130;

export interface BeginRequest {
  readonly route: '/api/install' | '/api/rehearse' | '/api/rollback' | '/api/upgrade';
  readonly body: { readonly dryRun: boolean; readonly [key: string]: unknown };
}

interface Begun {
  readonly plan: PlanAnswer | undefined;
  readonly id: string | undefined;
  /** It was under way, and going back is what was asked for. */
  readonly halts: boolean;
  readonly joins: boolean;
  readonly planned: AppointmentAnswer | undefined;
}

/** The flags that every verb has which begins an operation. */
export const detachFlag = { type: 'boolean', help: 'Return as soon as it is under way.' } as const;

export function givenPath({ args }: VerbInput): string {
  return resolve(args[0]!); // the verb asks for it
}

/** Without --yes the plan is all; with it, it is done. */
export async function beginIfAgreed(
  input: VerbInput,
  { route, body }: { readonly route: BeginRequest['route']; readonly body: object },
): Promise<number> {
  const dryRun = !isSet(input, 'yes');
  const code = await beginOperation(input, { route, body: { ...body, dryRun } });
  if (dryRun && code === 0) {
    const doing = 'at' in body ? 'plan' : 'do';
    input.terminal.say(`Nothing was changed. Add --yes to ${doing} it.`);
  }
  return code;
}

export const yesFlag = { type: 'boolean', help: 'Do it; without this it only shows the plan.' } as const;

export async function beginOperation(input: VerbInput, request: BeginRequest): Promise<number> {
  const { terminal, client, signal } = input;
  const { plan, id, halts, joins, planned } = await ask(input, request);
  if (signal.aborted && id === undefined && planned === undefined) {
    terminal.say('Nothing was begun.');
    return INTERRUPTED;
  }
  // What is under way may go another way than what was asked for just now.
  if (joins && plan?.upgrade !== undefined) {
    terminal.say(`This upgrade is under way already as ${id}; it goes on as it was begun.`);
  } else if (plan !== undefined) showPlan(plan, input, request.body.dryRun);
  if (planned !== undefined) {
    sayPlanned(planned, terminal);
    terminal.answer({ planned });
    return 0;
  }
  if (id === undefined) {
    terminal.answer(plan);
    const { failed = [] } = (plan?.upgrade ?? plan?.rollback)?.checks ?? {};
    return failed.length > 0 ? exitCodeFor('preflight.failed') : 0;
  }
  if (isSet(input, 'detach')) {
    terminal.say(`Under way as ${id}. Follow it with: onstead operations show ${id} --follow`);
    terminal.answer({ operation: id });
    return 0;
  }
  const operation = await followOperation({ id, client, terminal, signal });
  if (operation.state === 'done' && request.route !== '/api/rehearse') await sayWhere(input);
  if (halts && operation.state === 'rolled-back') return 0;
  return signal.aborted ? 0 : exitCodeOfOperation(operation);
}

async function ask({ client, terminal, signal }: VerbInput, { route, body }: BeginRequest): Promise<Begun> {
  const startedMs = performance.now();
  let id: string | undefined;
  let plan: PlanAnswer | undefined;
  let halts = false;
  let joins = false;
  let planned: AppointmentAnswer | undefined;
  try {
    for await (const message of client.lines<BeginMessage>(route, { body, signal })) {
      if (message.kind === 'error') throw errorFrom(message.error);
      if (message.kind === 'progress') {
        terminal.redraw(drawBar('Checking the bundle', message, performance.now() - startedMs));
      } else if (message.kind === 'plan') {
        plan = message.plan;
      } else if (message.kind === 'planned') {
        planned = message.planned;
      } else {
        id = message.id;
        halts = message.halts ?? false;
        joins = message.joins ?? false;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return { plan, id, halts, joins, planned };
}

function showPlan(plan: PlanAnswer, input: VerbInput, dryRun: boolean): void {
  const { terminal } = input;
  const { upgrade, rollback } = plan;
  const preview = upgrade ?? rollback;
  if (dryRun && preview !== undefined) {
    if (upgrade !== undefined) sayUpgradePlan(plan.title, upgrade, terminal);
    else if (rollback !== undefined) sayRollbackPlan(plan.title, rollback, terminal);
    if (isSet(input, 'steps')) saySteps(preview, terminal);
    terminal.say();
    sayCautions(plan, terminal);
    if (plan.at !== undefined) sayTime(plan.at, terminal);
    return;
  }
  if (preview !== undefined) sayDirection(plan.title, preview, terminal);
  else
    terminal.say(`${terminal.paint('strong', `${plan.title} ${plan.version}`)}, ${plan.steps.length} steps`);
  sayCautions(plan, terminal);
  if (dryRun)
    for (const [at, step] of plan.steps.entries())
      terminal.say(`${String(at + 1).padStart(4)}  ${step.title}`);
}

function sayCautions({ permissions, warnings }: PlanAnswer, terminal: Terminal): void {
  sayPermissions(permissions, terminal);
  for (const warning of warnings) terminal.sayWrapped(`${terminal.paint('warn', '!')} ${warning}`, 2);
}

async function sayWhere({ client, terminal }: VerbInput): Promise<void> {
  const status = await client.get<StatusAnswer>('/api/status');
  terminal.say(`It is at ${status.addresses.map((address) => terminal.paint('strong', address)).join(', ')}`);
}
