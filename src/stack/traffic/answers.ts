// What the edge answered people in a window of time, as its log says: for the story of an operation.

import type { ContainerSummary } from '../../engine/index.ts';
import type { Edge } from '../edge/steer.ts';
import { isPersons, parseAccessLine } from './access-line.ts';

/** Of a night with more only the newest are read. */
const LINES = 200_000;
const CLIENT_CLOSED = 499;

export interface Answers {
  readonly requests: number;
  /** With 5xx, whoever gave that answer. */
  readonly failed: number;
  /** They went away before they were answered. */
  readonly left: number;
  readonly longestMs: number;
  /** Later than the window begins where the log of before is gone, or too long. */
  readonly since: Date;
}

interface Window {
  readonly since: Date;
  readonly until: Date;
}

/** Undefined where the edge has no log. */
export async function countAnswers(
  { engine, project, service }: Pick<Edge, 'engine' | 'project' | 'service'>,
  window: Window,
  signal?: AbortSignal,
): Promise<Answers | undefined> {
  const all = (await engine.containers.list({ project, service })).filter(({ oneOff }) => !oneOff);
  if (all.length === 0) return undefined;
  const tally = { requests: 0, failed: 0, left: 0, longestMs: 0, lines: 0, firstAt: window.until };
  for (const { id } of all) {
    const more = signal === undefined ? {} : { signal };
    for await (const { line, at } of engine.containers.logs(id, { ...window, ...more, tail: LINES })) {
      tally.lines += 1;
      if (at < tally.firstAt) tally.firstAt = at;
      count(tally, line);
    }
  }
  const { lines, firstAt, ...answers } = tally;
  const begun = oldestOf(all);
  const since = lines >= LINES ? firstAt : begun > window.since ? begun : window.since;
  return { ...answers, since };
}

function count(
  tally: { requests: number; failed: number; left: number; longestMs: number },
  text: string,
): void {
  const line = parseAccessLine(text);
  if (line === undefined || !isPersons(line)) return;
  tally.requests += 1;
  if (line.status === CLIENT_CLOSED) tally.left += 1;
  else tally.longestMs = Math.max(tally.longestMs, line.seconds * 1000);
  if (line.status >= 500) tally.failed += 1;
}

function oldestOf(all: readonly ContainerSummary[]): Date {
  return all.map(({ created }) => created).reduce((one, other) => (one < other ? one : other));
}
