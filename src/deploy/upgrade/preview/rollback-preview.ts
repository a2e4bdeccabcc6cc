// What a rollback would do to this appliance, in numbers and words, for whoever has to agree. Pure: it looks at the plan
// that is to be carried out.

import type { PlannedStep, StepDuration } from '../../../journal/index.ts';
import type { DiskFolder } from '../../../machine/index.ts';
import type { MachineVerdict } from '../../machine-verdict.ts';
import type { PointLoss } from '../../point-loss.ts';
import type { Point } from '../../points.ts';
import type { SetAside } from '../../set-aside-schema.ts';
import { HOLD_LIMIT_MS, type RestoreData } from '../fallback/restore.ts';
import type { ServiceWay } from '../replace-plan.ts';
import { withoutCopy, type RollbackFacts, type RollbackTarget } from '../rollback-plan.ts';
import { estimateSteps } from './estimate.ts';
import {
  checksOf,
  inFolders,
  replacedReplicas,
  restarted,
  strategyOf,
  timeOf,
  type Timed,
} from './preview.ts';
import type { RollbackPreview } from './rollback-schema.ts';

/** Of each database: what a copy of it takes now, and what putting the data of the point in place takes beside it. */
export type Sizes = readonly {
  readonly service: string;
  readonly nowBytes: number;
  readonly thenBytes: number;
}[];

export interface RollbackPreviewInput {
  readonly target: RollbackTarget;
  readonly facts: RollbackFacts;
  readonly point: Point;
  readonly ways: readonly ServiceWay[];
  readonly steps: readonly PlannedStep[];
  readonly history: readonly StepDuration[];
  readonly folders: readonly DiskFolder[];
  readonly verdict: MachineVerdict;
  readonly loss: PointLoss;
  readonly sizes: Sizes;
  readonly setAside?: readonly SetAside[];
}

export function rollbackPreviewOf(input: RollbackPreviewInput): RollbackPreview {
  const { target, facts, point, steps, history } = input;
  const estimates = estimateSteps(steps, history);
  const timed = steps.map((step, at): Timed => ({ ...step, ...estimates[at]! }));
  const { id, kind, keptAt } = point;
  const uncopied = withoutCopy(target, facts);
  return {
    from: target.from.version,
    to: target.to.version,
    point: { id, kind, keptAt },
    data: target.data,
    since: sinceOf(input.loss),
    migrations: takenBack(steps),
    services: [
      ...replacedReplicas(
        { target: { patience: { ...target.patience, keepWarmMs: 0 } }, ways: input.ways },
        timed,
      ),
      ...restored(timed),
      ...restarted(timed),
    ],
    strategies: input.ways.map((way) => strategyOf(way, target.spareBytes ?? 0)),
    disk: diskOf(input),
    keeps: {
      databases: input.sizes
        .filter(({ service }) => !uncopied.includes(service))
        .map(({ service, nowBytes }) => ({ service, bytes: nowBytes })),
      stores: facts.oldServices
        .filter(({ name, role }) => role === 'minio' && !uncopied.includes(name))
        .map(({ name }) => name),
    },
    setAside: [...(input.setAside ?? [])],
    time: timeOf(estimates),
    checks: checksOf(input.verdict),
    steps: timed.map(({ type, title, ms, from }) => ({ type, title, ms: Math.round(ms), from })),
  };
}

function sinceOf({ databases, objects, hasMigrations, unknown }: PointLoss): RollbackPreview['since'] {
  return {
    databases: databases.map(({ service, changes: { tables, schemaChanges, isComplete } }) => {
      return { service, tables: tables.map((one) => ({ ...one })), schemaChanges, isComplete };
    }),
    objects: { written: objects.written, deleted: objects.deleted },
    hasMigrations,
    unknown: unknown.map((one) => ({ ...one })),
  };
}

function takenBack(steps: readonly PlannedStep[]): RollbackPreview['migrations'] {
  return steps
    .filter(({ type }) => type === 'migrate-down')
    .map(({ input }) => {
      const { service, back } = input as { service: string; back: { down: readonly string[] } };
      return { service, command: back.down.join(' ') };
    });
}

/** Whoever writes leaves and comes back with the data of then. */
function restored(timed: readonly Timed[]): RollbackPreview['services'] {
  return timed
    .filter(({ type }) => type === 'restore-data')
    .map(({ input, ms }) => ({
      service: (input as RestoreData).writers.join(', '),
      how: 'started anew on the data of then',
      ms: Math.round(ms),
      requests: 'wait' as const,
      heldAtMostMs: HOLD_LIMIT_MS,
    }));
}

function diskOf({ target, folders, sizes }: RollbackPreviewInput): RollbackPreview['disk'] {
  const copies = sizes.map(({ service, nowBytes, thenBytes }) =>
    target.data === 'restore'
      ? { what: `the data of then of ${service}`, bytes: thenBytes }
      : { what: `the copy of ${service}`, bytes: nowBytes },
  );
  const stateBytes = target.needs.upgrade?.stateBytes ?? 0;
  return inFolders(folders, {
    engine: copies,
    state: [{ what: 'the stack and the restore point', bytes: stateBytes }],
  });
}
