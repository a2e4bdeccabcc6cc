// What was written since a point, and what a rollback makes of it, in sentences for whoever has to agree. Pure.

import type { PointLoss } from '../deploy/index.ts';

export function lossInWords({ databases, objects }: PointLoss, data: 'keep' | 'restore'): string[] {
  const fate = data === 'keep' ? 'is kept' : 'will be lost';
  const tables = databases.flatMap(({ changes }) => changes.tables);
  const rows = tables.map(
    ({ table, inserted, updated, deleted }) =>
      `Since then, in ${table}: ${inserted} rows added, ${updated} changed, ${deleted} deleted; this ${fate}.`,
  );
  const unknown = databases
    .filter(({ changes }) => !changes.isComplete)
    .map(({ service }) => `Not all of what was written to ${service} since then can be counted.`);
  const files =
    objects.written + objects.deleted === 0
      ? []
      : [`Since then: ${objects.written} objects written, ${objects.deleted} deleted; this ${fate}.`];
  return [...rows, ...unknown, ...files];
}
