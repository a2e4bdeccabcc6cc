// `onstead operations`: what was done, what is under way, and how to settle what is stuck.

import { OnsteadError } from '../../base/errors.ts';
import { formatDuration } from '../../base/units.ts';
import type { AppointmentAnswer, Note, OperationView, PlannedAnswer } from '../../api/schemas.ts';
import { exitCodeOfOperation } from '../exit-codes.ts';
import { followOperation, inOneLine } from '../follow.ts';
import { sayPlanned } from '../planned.ts';
import type { Terminal } from '../terminal.ts';
import { isSet, jsonOfFollowed, type Verb, type VerbInput } from '../verb.ts';

export const operationsVerb: Verb = {
  name: 'operations',
  summary: 'List operations, show or follow one, settle a stuck one, cancel a planned one.',
  usage:
    'onstead operations\nonstead operations show [ID] [--follow]\nonstead operations resume|abandon [ID]\nonstead operations cancel [ID]',
  flags: { follow: { type: 'boolean', short: 'f', help: 'Stay until the operation is over.' } },
  examples: [
    ['onstead operations', 'the newest first'],
    ['onstead operations show', 'the one under way, else the newest, step by step'],
    ['onstead operations cancel', 'take the upgrade that is planned for later off the list'],
    ['onstead operations resume install-20261121-054512-k3f9', 'go on after the cause is gone'],
  ],
  json: jsonOfFollowed,
  maxArgs: 2,
  run: operations,
};

async function operations(input: VerbInput): Promise<number> {
  const [action = 'list', id] = input.args;
  switch (action) {
    case 'list':
      return list(input);
    case 'show':
      return show(input, id ?? (await nearest(input)));
    case 'cancel':
      return cancel(input, id);
    case 'resume':
    case 'abandon':
      return settle(input, action, id);
    default:
      throw new OnsteadError('usage.action', `There is no "onstead operations ${action}".`, {
        next: 'Use show, resume, abandon or cancel; see `onstead operations --help`.',
      });
  }
}

async function list({ client, terminal }: VerbInput): Promise<number> {
  const all = await client.get<OperationView[]>('/api/operations');
  const { planned } = await client.get<PlannedAnswer>('/api/planned');
  if (all.length === 0 && planned === null) terminal.say('Nothing has been done yet.');
  const later = planned === null ? [] : [[planned.id, stateOf(planned), `${planned.wall}:00`, planned.title]];
  terminal.table([...later, ...all.map((one) => [one.id, one.state, local(one.createdAt), one.title])]);
  terminal.answer(planned === null ? all : [asOperation(planned), ...all]);
  return 0;
}

function stateOf({ state }: AppointmentAnswer): string {
  return state === 'waiting' || state === 'beginning' ? 'scheduled' : state;
}

async function cancel({ client, terminal }: VerbInput, id: string | undefined): Promise<number> {
  const chosen = id ?? (await client.get<PlannedAnswer>('/api/planned')).planned?.id;
  if (chosen === undefined) {
    throw new OnsteadError('operation.none', 'Nothing is planned for later, so there is nothing to cancel.', {
      next: 'An upgrade that is under way is turned round with `onstead rollback`; one for later is planned with `onstead upgrade BUNDLE --at TIME`.',
    });
  }
  const path = `/api/planned/${encodeURIComponent(chosen)}/cancel`;
  const cancelled = await client.post<AppointmentAnswer>(path, {});
  terminal.say(`Taken off: ${cancelled.title}, which was planned for ${cancelled.wall} (${cancelled.zone}).`);
  terminal.answer({ cancelled });
  return 0;
}

async function show(input: VerbInput, id: string): Promise<number> {
  const { client, terminal } = input;
  const { planned } = await client.get<PlannedAnswer>('/api/planned');
  if (planned?.id === id) return showPlanned(planned, terminal);
  if (isSet(input, 'follow')) return exitCodeOfOperation(await followOperation({ ...input, id }));
  const path = `/api/operations/${encodeURIComponent(id)}`;
  const operation = await client.get<OperationView>(path);
  const notes = await client.get<Note[]>(`${path}/notes`);
  terminal.say(
    `${terminal.paint('strong', operation.title)}  ${operation.state}  ${local(operation.createdAt)}`,
  );
  terminal.table(
    operation.steps.flatMap((step) => [
      rowOf(step, terminal),
      ...notes
        .filter((note) => note.step === step.n && note.text !== step.note)
        .map(({ text }) => ['', '', '', `  ${terminal.paint('dim', inOneLine(text))}`]),
    ]),
  );
  // What no step said is of the operation as a whole.
  for (const { text } of notes.filter(({ step }) => step === null)) terminal.say(inOneLine(text));
  if (operation.error !== null) sayError(operation.error.message, operation.error.next, terminal);
  terminal.answer({ ...operation, notes });
  return 0;
}

/** It has no steps yet: the plan is made when its time comes. */
function showPlanned(planned: AppointmentAnswer, terminal: Terminal): number {
  sayPlanned(planned, terminal);
  if (planned.message !== null) sayError(planned.message, planned.next, terminal);
  terminal.answer(asOperation(planned));
  return 0;
}

function asOperation(planned: AppointmentAnswer) {
  return { kind: 'upgrade', lane: 'stack', steps: [], ...planned, state: stateOf(planned) };
}

function sayError(message: string, next: string | null | undefined, terminal: Terminal): void {
  terminal.say();
  terminal.say(message);
  if (next != null) terminal.say(`${terminal.paint('strong', 'Next:')} ${next}`);
}

/** Which one failed is what people look for, whatever became of it afterwards. */
function stateOfStep({ state, looks, error }: OperationView['steps'][number]): string {
  if (state !== 'undone') return state;
  if (error !== null) return 'failed';
  return looks ? 'done' : state;
}

function rowOf(step: OperationView['steps'][number], terminal: Terminal): string[] {
  return [
    String(step.n).padStart(3),
    stateOfStep(step),
    step.startedAt === null || step.finishedAt === null
      ? ''
      : formatDuration(Date.parse(step.finishedAt) - Date.parse(step.startedAt)),
    `${step.title}${step.note === null ? '' : terminal.paint('dim', `  ${inOneLine(step.note)}`)}`,
  ];
}

async function settle(
  input: VerbInput,
  action: 'resume' | 'abandon',
  id: string | undefined,
): Promise<number> {
  const chosen = id ?? (await stuckOne(input, action));
  await input.client.post(`/api/operations/${encodeURIComponent(chosen)}/${action}`, {});
  return exitCodeOfOperation(await followOperation({ ...input, id: chosen }));
}

/** Two can be: one that changes the stack, and one that copies. */
async function stuckOne({ client }: VerbInput, action: string): Promise<string> {
  const all = await client.get<OperationView[]>('/api/operations');
  const [stuck, other] = all.filter(({ state }) => state === 'stuck');
  if (stuck !== undefined && other !== undefined) {
    throw new OnsteadError('usage.operation', `Two operations are stuck: ${stuck.id} and ${other.id}.`, {
      next: `Say which: \`onstead operations ${action} ID\`. See each with \`onstead operations show ID\`.`,
    });
  }
  if (stuck !== undefined) return stuck.id;
  throw new OnsteadError('operation.not-stuck', `No operation is stuck, so there is nothing to ${action}.`, {
    next: 'See what was done with `onstead operations`; an upgrade that is under way is turned round with `onstead rollback`.',
  });
}

/** What is under way, and of two what changes the stack; else what was done last. */
async function nearest({ client }: VerbInput): Promise<string> {
  const all = await client.get<OperationView[]>('/api/operations');
  const underWay = all.filter(({ state }) => state !== 'done' && state !== 'rolled-back');
  const nearest = underWay.find(({ lane }) => lane === 'stack') ?? underWay[0] ?? all[0];
  if (nearest !== undefined) return nearest.id;
  throw new OnsteadError('operation.none', 'Nothing has been done yet.', {
    next: 'Install a release with `onstead install BUNDLE`.',
  });
}

function local(time: string): string {
  return new Date(time).toLocaleString('sv-SE');
}
