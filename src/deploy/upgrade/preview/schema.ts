// The shape of what an administrator is shown before an upgrade. It crosses the API, so its types come from here.

import { Nullable, Type, type Static } from '../../../base/schema.ts';
import { STRATEGIES } from '../../../release/index.ts';
import { SetAside } from '../../set-aside-schema.ts';

const Bytes = Type.Number({ minimum: 0 });

const ImagePreview = Type.Object({
  services: Type.Array(Type.String()),
  repository: Type.String(),
  isNew: Type.Boolean({ description: 'No service of the running release uses an image for this.' }),
  bytes: Bytes,
  loadBytes: Type.Number({ minimum: 0, description: 'What the engine does not have yet.' }),
});

const MigrationPreview = Type.Object({
  service: Type.String(),
  command: Type.String(),
  isReversible: Type.Boolean(),
  /** How it is taken back; null where it cannot be. */
  back: Nullable(Type.String()),
  timeoutMs: Type.Number(),
});

const RequestsPreview = Type.Enum(['answered', 'wait', 'fail']);

const ServicePreview = Type.Object({
  service: Type.String(),
  how: Type.String(),
  ms: Type.Number(),
  requests: RequestsPreview,
  /** What is held is held no longer than this; null where nothing is. */
  heldAtMostMs: Nullable(Type.Number()),
});

const StrategyPreview = Type.Object({
  service: Type.String(),
  strategy: Type.Enum([...STRATEGIES]),
  why: Type.String(),
  /** Another one was asked for, and this is offered in its place. */
  isOffer: Type.Boolean(),
  besideBytes: Bytes,
  spareBytes: Bytes,
});

const DiskPreview = Type.Object({
  path: Type.String(),
  needs: Type.Array(Type.Object({ what: Type.String(), bytes: Bytes })),
  neededBytes: Bytes,
  freeBytes: Bytes,
});

const StepPreview = Type.Object({
  type: Type.String(),
  title: Type.String(),
  ms: Type.Number(),
  from: Type.Enum(['measured', 'fixed', 'assumed']),
});

export const UpgradePreview = Type.Object({
  from: Type.String(),
  to: Type.String(),
  images: Type.Array(ImagePreview),
  /** Images that stay as they are. */
  sameImages: Type.Integer(),
  migrations: Type.Array(MigrationPreview),
  services: Type.Array(ServicePreview),
  strategies: Type.Array(StrategyPreview),
  disk: Type.Array(DiskPreview),
  point: Type.Object({
    databases: Type.Array(Type.Object({ service: Type.String(), bytes: Bytes })),
    /** Services whose objects are kept as versions. */
    stores: Type.Array(Type.String()),
  }),
  /** What its success removes for good. */
  setAside: Type.Array(SetAside),
  rollback: Type.Object({
    keepsData: Type.Boolean({ description: '`onstead rollback` can keep what was written since.' }),
    sentences: Type.Array(Type.String()),
  }),
  time: Type.Object({
    ms: Type.Number(),
    measured: Type.Integer(),
    fixed: Type.Integer(),
    assumed: Type.Integer(),
  }),
  /** What the newest rehearsal of this very bundle showed. */
  rehearsal: Nullable(Type.Object({ at: Type.String(), passed: Type.Boolean(), sentence: Type.String() })),
  checks: Type.Object({
    count: Type.Integer(),
    failed: Type.Array(Type.String()),
    warned: Type.Array(Type.String()),
    next: Nullable(Type.String()),
  }),
  steps: Type.Array(StepPreview),
});
export type UpgradePreview = Static<typeof UpgradePreview>;
