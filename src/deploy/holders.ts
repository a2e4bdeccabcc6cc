// Whoever keeps data of the past on this appliance: the restore points, copies that an operation beside the stack is making
// just now, and whoever else the daemon names.

import type { Journal } from '../journal/index.ts';
import { heldByAll, type DataHolder, type HeldData } from '../stack/index.ts';
import { readPointData } from './point-data.ts';
import { pointNames } from './points.ts';
import type { DeployTools } from './tools.ts';

type Holding = Pick<DeployTools, 'paths' | 'journal' | 'holders'>;

export function heldData(tools: Holding, project: string): Promise<HeldData> {
  return heldByAll([heldByPoints(tools), heldByCopying(tools.journal), ...(tools.holders ?? [])], project);
}

/** Everything that was kept for a way back, whole or not. */
function heldByPoints(tools: Holding): DataHolder {
  return async () => {
    const copies = await pointNames(tools);
    const data = (await Promise.all(copies.map((point) => readPointData(tools, point)))).flatMap(
      (one) => one ?? [],
    );
    return {
      copies,
      cuts: data.flatMap(({ stores }) => stores.map(({ service, cut }) => ({ service, cutMs: cut.cutMs }))),
      volumes: data.flatMap(({ databases }) => databases.flatMap(({ volume }) => volume ?? [])),
    };
  };
}

/** It is named by its operation as long as that is not over, stuck ones among them. */
function heldByCopying(journal: Journal): DataHolder {
  return async () => ({ copies: journal.unfinished('copy').map(({ id }) => id), cuts: [], volumes: [] });
}
