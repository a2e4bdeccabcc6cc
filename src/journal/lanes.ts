// What may go on beside what, as one table. In each lane one operation at a time is not over: those of `stack` change the
// stack or its data, those of `copy` read or copy them and change nothing of them.

export const lanes = ['stack', 'copy'] as const;
export type Lane = (typeof lanes)[number];

interface Kind {
  readonly lane: Lane;
  /** Where nothing may be unfinished when one begins. */
  readonly needs: readonly Lane[];
}

const changes: Kind = { lane: 'stack', needs: ['stack'] };
const copies: Kind = { lane: 'copy', needs: ['copy'] };
/** They copy too, but work in a stack of their own, with memory that a change of the stack may borrow. */
const tries: Kind = { lane: 'copy', needs: ['copy', 'stack'] };

const kinds: Readonly<Record<string, Kind>> = {
  install: changes,
  upgrade: changes,
  rollback: changes,
  resize: changes,
  restore: changes,
  backup: copies,
  rehearsal: tries,
  drill: tries,
};

/** What the table does not name may change anything. */
function ruleOf(kind: string): Kind {
  return kinds[kind] ?? changes;
}

export function laneOf(kind: string): Lane {
  return ruleOf(kind).lane;
}

export function lanesNeededBy(kind: string): readonly Lane[] {
  return ruleOf(kind).needs;
}

/** In a stack of its own. */
export function isTried(kind: string): boolean {
  return ruleOf(kind) === tries;
}

/** As a condition in SQL. */
export function isInLane(lane: Lane): string {
  const copying = Object.keys(kinds).filter((kind) => laneOf(kind) === 'copy');
  return `kind ${lane === 'copy' ? 'in' : 'not in'} (${copying.map((kind) => `'${kind}'`).join(', ')})`;
}
