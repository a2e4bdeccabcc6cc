// What was written since a point, and what becomes of it, in sentences for whoever has to agree, or was not asked. Pure.

import type { PointLoss } from './point-loss.ts';

const FATES = {
  keep: 'this is kept',
  restore: 'this leaves the application, and is kept until the second upgrade or rollback after this one',
  'restore-unkept': 'this will be lost',
  'set-aside': 'this is not in the application any more, but kept aside',
  'given-up': 'this is not in the application any more',
} as const;

/** `unkept`: services of which no way back keeps anything. */
export function lossInWords(
  { databases, objects, hasMigrations, unknown }: PointLoss,
  what: Exclude<keyof typeof FATES, 'restore-unkept'>,
  unkept: readonly string[] = [],
): string[] {
  const fate = FATES[what];
  const fateOf = (service: string): string =>
    what === 'restore' && unkept.includes(service) ? FATES['restore-unkept'] : fate;
  // Which of the rows the migrations wrote nobody can tell; those go with them.
  const isPartlyKept = what === 'keep' && hasMigrations;
  const rowsFate = isPartlyKept ? 'this is kept, but for what the migrations wrote' : fate;
  const tables = databases.flatMap(({ changes }) => changes.tables);
  const rows = tables.map(
    ({ table, inserted, updated, deleted }) =>
      `Since then, in ${table}: ${inserted} rows added, ${updated} changed, ${deleted} deleted; ${rowsFate}.`,
  );
  const own =
    hasMigrations && !isPartlyKept && rows.length > 0
      ? ['What the migrations themselves wrote is among these.']
      : [];
  const partly = databases
    .filter(({ changes }) => !changes.isComplete)
    .map(
      ({ service }) =>
        `Not all of what was written to ${service} since then can be counted: its record of changes begins later, as after a restore.`,
    );
  const files =
    objects.written + objects.deleted === 0
      ? []
      : [`Since then: ${objects.written} objects written, ${objects.deleted} deleted; ${fate}.`];
  const nothing = unknown.map(
    ({ service, why }) =>
      `What was written to ${service} since then cannot be counted (${why}); ${fateOf(service)}.`,
  );
  return [...rows, ...own, ...partly, ...files, ...nothing];
}

/** The same in one phrase; undefined where nothing was written. */
export function lossInShort({
  databases,
  objects,
  unknown,
}: Omit<PointLoss, 'hasMigrations'>): string | undefined {
  const tables = databases.flatMap(({ changes }) => changes.tables);
  const sum = (key: 'inserted' | 'updated' | 'deleted'): number =>
    tables.reduce((total, one) => total + one[key], 0);
  const isKnown = unknown.length === 0 && databases.every(({ changes }) => changes.isComplete);
  const counts = [
    ...counted(
      [sum('inserted'), 'rows added'],
      [sum('updated'), 'rows changed'],
      [sum('deleted'), 'rows deleted'],
    ),
    ...counted([objects.written, 'objects written'], [objects.deleted, 'objects deleted']),
    ...(isKnown ? [] : ['more that cannot be counted']),
  ];
  return counts.length === 0 ? undefined : counts.join(', ');
}

function counted(...parts: readonly (readonly [number, string])[]): string[] {
  return parts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`);
}
