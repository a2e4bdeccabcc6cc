// Of two operations that go on at once each is told of the other by the same words.

import type { Journal } from './journal.ts';

/** What goes on beside this one, for people; one that is stuck does nothing. */
export function whoElse(journal: Journal, operation: string): string {
  const other = journal.unfinished().find(({ id, state }) => id !== operation && state !== 'stuck');
  return other === undefined ? 'somebody else' : `"${other.title}" (${other.id})`;
}
