// What the newest rehearsal of a bundle showed, for the plan of the real upgrade.

import { isOver, type Journal } from '../../journal/index.ts';

export const rehearsalKind = 'rehearsal';

export interface LastRehearsal {
  readonly at: string;
  readonly passed: boolean;
  /** What was seen, or what failed. */
  readonly sentence: string;
}

export function lastRehearsal(journal: Journal, bundle: string): LastRehearsal | undefined {
  const isOfBundle = (id: string): boolean =>
    (journal.input(id) as { bundle?: { id?: string } }).bundle?.id === bundle;
  const last = journal.listOf(rehearsalKind).find(({ id, state }) => isOver(state) && isOfBundle(id));
  if (last === undefined) return undefined;
  const passed = last.state === 'done';
  const said = last.steps.find(({ type }) => type === 'report-rehearsal')?.note ?? '';
  return {
    at: last.finishedAt ?? last.createdAt,
    passed,
    sentence: passed ? said : (last.error?.message ?? 'It was taken back.'),
  };
}
