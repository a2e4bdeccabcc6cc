// The plan of a rollback on one screen: where it leads, what becomes of the data, what is replaced, needed and kept.

import type { RollbackPreview } from '../api/schemas.ts';
import type { Terminal } from './terminal.ts';
import {
  checkRows,
  diskRows,
  keptRow,
  removedRows,
  sayDirection,
  saySections,
  serviceRows,
  timeInWords,
  type Row,
} from './upgrade-plan.ts';

export function sayRollbackPlan(title: string, preview: RollbackPreview, terminal: Terminal): void {
  sayDirection(title, preview, terminal);
  terminal.say();
  saySections(
    [
      ['Back to', [pointRow(preview)]],
      ['Data', dataRows(preview)],
      ['Replaced', serviceRows(preview, terminal)],
      ['Strategy', preview.strategies.map(({ service, why }) => [service, why])],
      ['Disk', diskRows(preview, terminal)],
      ['Way back', [keptRow(preview.from, preview.keeps)]],
      ['Removes', removedRows(preview)],
      ['Time', [['', timeInWords(preview)]]],
      ['Preflight', checkRows(preview, terminal)],
    ],
    terminal,
  );
}

function pointRow({ to, point }: RollbackPreview): Row {
  const when = `${point.keptAt.slice(0, 16).replace('T', ' ')} UTC`;
  return ['', `${to} as it was before ${point.id}, kept at ${when}`];
}

function dataRows({ data, migrations }: RollbackPreview): Row[] {
  if (data === 'restore') return [['', 'put in place as it was then, while requests wait']];
  const back = migrations.map(({ service, command }): Row => [
    '',
    `the migrations of ${service} are taken back: ${command}`,
  ]);
  return [['', 'stays as it is now'], ...back];
}
