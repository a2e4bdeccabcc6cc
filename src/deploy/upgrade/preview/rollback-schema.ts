// The shape of what an administrator is shown before a rollback. It crosses the API, so its types come from here.

import { Type, type Static } from '../../../base/schema.ts';
import { UpgradePreview } from './schema.ts';

const Count = Type.Integer({ minimum: 0 });

const TableLoss = Type.Object({ table: Type.String(), inserted: Count, updated: Count, deleted: Count });

const LossPreview = Type.Object({
  databases: Type.Array(
    Type.Object({
      service: Type.String(),
      tables: Type.Array(TableLoss),
      /** Tables made, altered or dropped. */
      schemaChanges: Count,
      /** False where it is at least so much. */
      isComplete: Type.Boolean(),
    }),
  ),
  objects: Type.Object({ written: Count, deleted: Count }),
  /** What migrations wrote is among it. */
  hasMigrations: Type.Boolean(),
  /** Services of which nothing is known. */
  unknown: Type.Array(Type.Object({ service: Type.String(), why: Type.String() })),
});

const { services, strategies, disk, point, time, checks, setAside, steps } = UpgradePreview.properties;

export const RollbackPreview = Type.Object({
  from: Type.String(),
  to: Type.String(),
  /** Where it leads. */
  point: Type.Object({ id: Type.String(), kind: Type.Enum(['upgrade', 'rollback']), keptAt: Type.String() }),
  data: Type.Enum(['keep', 'restore']),
  /** What was written since then. */
  since: LossPreview,
  /** Taken back, each by this command. */
  migrations: Type.Array(Type.Object({ service: Type.String(), command: Type.String() })),
  ...{ services, strategies, disk, time, checks, setAside, steps },
  /** Of the release that is left. */
  keeps: point,
});
export type RollbackPreview = Static<typeof RollbackPreview>;
