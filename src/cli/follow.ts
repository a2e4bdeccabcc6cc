// Shows an operation as it happens: a line for each step that ended, and one live line for the step under way.

import type { JournalEvent, OperationView } from '../api/schemas.ts';
import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { formatDuration } from '../base/units.ts';
import type { Client } from './client.ts';
import { detailInWords } from './detail.ts';
import { drawBar, type Terminal } from './terminal.ts';

export interface FollowInput {
  readonly id: string;
  readonly client: Client;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Returns the operation as it ended. A Ctrl-C leaves it running and says how to look at it again. */
export async function followOperation({ id, client, terminal, signal }: FollowInput): Promise<OperationView> {
  const path = `/api/operations/${encodeURIComponent(id)}`;
  let operation = await client.get<OperationView>(path);
  const begunMs = new Map<number, number>();
  let lastNote: string | null = null;
  try {
    for await (const event of client.lines<JournalEvent>(`${path}/events`, { signal })) {
      terminal.answerLine(event);
      if (event.type === 'step' && event.step !== null)
        begunMs.set(event.step, begunMs.get(event.step) ?? Date.parse(event.at));
      // What a step says at its end may be the last thing that it said on the way.
      const isSaid = event.type === 'step' && event.text !== null && event.text === lastNote;
      show(isSaid ? { ...event, text: null } : event, operation, terminal, begunMs);
      if (event.type === 'note') lastNote = event.text;
    }
  } catch (error) {
    if (!signal.aborted) throw goesOn(error, id);
    terminal.say();
    terminal.say(`The operation goes on. Look at it again with: onstead operations show ${id} --follow`);
  }
  operation = await client.get<OperationView>(path);
  if (!signal.aborted) showEnd(operation, terminal);
  terminal.answerLine({ type: 'result', operation });
  return operation;
}

/** The daemon carries it on when it is back, which a supervised one soon is. */
function goesOn(error: unknown, id: string): unknown {
  if (!isOnsteadError(error, 'daemon.unreachable')) return error;
  return new OnsteadError(
    'daemon.unreachable',
    `${error.message} The operation goes on once it runs again.`,
    {
      next: `Follow it with \`onstead operations show ${id} --follow\`. If the daemon does not come back: ${error.next ?? ''}`,
      cause: error,
    },
  );
}

function show(
  event: JournalEvent,
  operation: OperationView,
  terminal: Terminal,
  begunMs: ReadonlyMap<number, number>,
): void {
  const step = operation.steps.find(({ n }) => n === event.step);
  if (step === undefined) return;
  const elapsedMs = Date.parse(event.at) - (begunMs.get(step.n) ?? Date.parse(event.at));
  const place = terminal.paint('dim', `${String(step.n).padStart(2)}/${operation.steps.length}`);
  if (event.type === 'progress' && event.progress !== null) {
    const { unit, done, total, note } = event.progress;
    const title = `${place}   ${step.title}`;
    terminal.redraw(
      unit === 'bytes'
        ? drawBar(title, { done, total }, elapsedMs)
        : `${title}  ${done} of ${total}${note === undefined ? '' : `  ${note}`}`,
    );
  } else if (event.type === 'note' && event.text !== null) {
    terminal.say(`${place}   ${terminal.paint('dim', inOneLine(event.text))}`);
  } else if (event.type === 'step') {
    // What only looked made nothing; that it is "taken back" would only alarm.
    if (step.looks && (event.state === 'undoing' || event.state === 'undone')) return;
    showStep(event, step.title, place, elapsedMs, terminal);
  }
}

function showStep(
  event: JournalEvent,
  title: string,
  place: string,
  elapsedMs: number,
  terminal: Terminal,
): void {
  const detail =
    event.text === null || event.text === '' ? '' : terminal.paint('dim', `  ${inOneLine(event.text)}`);
  const time = terminal.paint('dim', `  ${formatDuration(elapsedMs)}`);
  switch (event.state) {
    case 'running':
      return terminal.redraw(`${place}   ${title} …`);
    case 'undoing':
      return terminal.redraw(`${place}   Taking back: ${title} …`);
    case 'done':
      return terminal.say(`${place} ${terminal.paint('good', '✓')} ${title}${time}${detail}`);
    case 'skipped':
      return terminal.say(
        `${place} ${terminal.paint('dim', '=')} ${title}${terminal.paint('dim', '  nothing to do')}`,
      );
    case 'undone':
      return terminal.say(
        `${place} ${terminal.paint('warn', '↶')} ${title}${terminal.paint('dim', '  taken back')}`,
      );
    case 'failed':
      return terminal.say(`${place} ${terminal.paint('bad', '✗')} ${title}  ${event.text ?? ''}`);
    default:
  }
}

/** Programs line up what they print for a screen of their own. */
export function inOneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

const ENDS: Readonly<Record<string, readonly ['good' | 'warn' | 'bad', string]>> = {
  done: ['good', 'Done'],
  'rolled-back': ['bad', 'Failed; what it had made was taken back'],
  stuck: ['bad', 'Stuck'],
};

const HALTED = ['warn', 'Taken back, as a person asked'] as const;

function showEnd(operation: OperationView, terminal: Terminal): void {
  const isHalted = operation.state === 'rolled-back' && operation.error?.code === 'operation.halted';
  const [tone, words] = isHalted ? HALTED : (ENDS[operation.state] ?? ['warn', operation.state]);
  terminal.say();
  if (
    operation.state === 'done' &&
    operation.steps.every(({ state, looks }) => state === 'skipped' || looks)
  ) {
    terminal.say(terminal.paint('good', 'Everything is as it should be; nothing needed doing.'));
    return;
  }
  terminal.say(`${terminal.paint(tone, words)}: ${operation.title} (${tookOf(operation)}).`);
  if (operation.error === null || operation.state === 'done' || isHalted) return;
  terminal.say(operation.error.message);
  for (const detail of operation.error.details ?? []) terminal.say(`  - ${detailInWords(detail)}`);
  if (operation.error.next !== undefined)
    terminal.say(`${terminal.paint('strong', 'Next:')} ${operation.error.next}`);
}

function tookOf({ startedAt, finishedAt }: OperationView): string {
  if (startedAt === null || finishedAt === null) return 'not over';
  return formatDuration(Date.parse(finishedAt) - Date.parse(startedAt));
}
