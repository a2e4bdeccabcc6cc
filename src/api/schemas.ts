// The shapes that cross the API, shared with the CLI. Rooms that own a shape keep it; the rest stands here.

import { Nullable, Type, type Static } from '../base/schema.ts';
import { appointmentStates, RollbackPreview, SetAside, UpgradePreview } from '../deploy/index.ts';
import { OperationSchema } from '../journal/index.ts';
import { Permission, STRATEGIES } from '../release/index.ts';

export type { RollbackPreview, UpgradePreview } from '../deploy/index.ts';
export type { JournalEvent, OperationView, StepView } from '../journal/index.ts';

export const VersionAnswer = Type.Object({
  onstead: Type.String(),
  node: Type.String(),
  startedAt: Type.String(),
});
export type VersionAnswer = Static<typeof VersionAnswer>;

const ReplicaAnswer = Type.Object({
  container: Type.String(),
  image: Type.String(),
  state: Type.String(),
  health: Type.String(),
  restarts: Type.Integer(),
  since: Nullable(Type.String()),
});

export const ServiceAnswer = Type.Object({
  name: Type.String(),
  role: Type.String(),
  image: Type.String(),
  wanted: Type.Integer(),
  well: Type.Integer(),
  replicas: Type.Array(ReplicaAnswer),
  memoryLimitBytes: Type.Integer(),
});
export type ServiceAnswer = Static<typeof ServiceAnswer>;

/** An upgrade that is to begin later, or should have begun. */
export const AppointmentAnswer = Type.Object({
  id: Type.String(),
  title: Type.String(),
  at: Type.String(),
  /** The same on the clock of the machine's zone. */
  wall: Type.String(),
  zone: Type.String(),
  state: Type.Enum([...appointmentStates]),
  path: Type.String(),
  /** Why it did not begin, and what to do. */
  message: Nullable(Type.String()),
  next: Nullable(Type.String()),
});
export type AppointmentAnswer = Static<typeof AppointmentAnswer>;

export const SetAsideAnswer = SetAside;
export type SetAsideAnswer = Static<typeof SetAsideAnswer>;

export const PlannedAnswer = Type.Object({ planned: Nullable(AppointmentAnswer) });
export type PlannedAnswer = Static<typeof PlannedAnswer>;

const UnderWay = Type.Object({
  id: Type.String(),
  lane: OperationSchema.properties.lane,
  title: Type.String(),
  state: Type.String(),
});

export const StatusAnswer = Type.Object({
  /** Is it well, in one sentence. */
  sentence: Type.String(),
  well: Type.Boolean(),
  release: Nullable(
    Type.Object({
      product: Type.String(),
      title: Type.String(),
      version: Type.String(),
      installedAt: Type.String(),
    }),
  ),
  addresses: Type.Array(Type.String()),
  certificateEnds: Nullable(Type.String()),
  /** Without an engine: what is meant to run, with nothing known of it. */
  services: Type.Array(ServiceAnswer),
  /** Why nothing is known of the services. */
  engineTrouble: Nullable(
    Type.Object({ code: Type.String(), message: Type.String(), next: Type.Optional(Type.String()) }),
  ),
  /** What changes the stack, else what copies its data. */
  operation: Nullable(UnderWay),
  /** All that are not over: one a lane at most. */
  operations: Type.Array(UnderWay),
  /** What is planned for later. */
  planned: Nullable(AppointmentAnswer),
  /** Offered since CPUs or memory changed. */
  machineChange: Nullable(
    Type.Object({
      sentence: Type.String(),
      changes: Type.Array(
        Type.Object({
          service: Type.String(),
          key: Type.String(),
          unit: Type.String(),
          before: Type.Union([Type.String(), Type.Number(), Type.Null()]),
          after: Type.Union([Type.String(), Type.Number(), Type.Null()]),
          why: Type.String(),
          apply: Type.String(),
        }),
      ),
    }),
  ),
  /** What needs a person, each with the command that does it. */
  attention: Type.Array(Type.Object({ what: Type.String(), command: Type.String() })),
});
export type StatusAnswer = Static<typeof StatusAnswer>;

export const InstallRequest = Type.Object(
  {
    path: Type.String({ minLength: 1, maxLength: 4096, pattern: '^/' }),
    /** Only say what would be done. */
    dryRun: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const UpgradeRequest = Type.Object(
  {
    ...InstallRequest.properties,
    strategy: Type.Optional(Type.Enum([...STRATEGIES])),
    /** Migrations that cannot be taken back are agreed to. */
    irreversible: Type.Optional(Type.Boolean()),
    /** Begin then, on the machine's clock: `02:30` or `2026-11-22 02:30`. */
    at: Type.Optional(Type.String({ maxLength: 40 })),
  },
  { additionalProperties: false },
);

export const RollbackRequest = Type.Object(
  {
    to: Type.Optional(Type.String({ maxLength: 100 })),
    /** Default: keep. */
    data: Type.Optional(Type.Enum(['keep', 'restore'])),
    /** That what was written since cannot be counted is agreed to. */
    uncounted: Type.Optional(Type.Boolean()),
    dryRun: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const PlanAnswer = Type.Object({
  product: Type.String(),
  title: Type.String(),
  version: Type.String(),
  /** What the release asks for beyond its own containers. */
  permissions: Type.Array(Permission),
  /** What a person should know before agreeing. */
  warnings: Type.Array(Type.String()),
  steps: Type.Array(Type.Object({ type: Type.String(), title: Type.String() })),
  /** Of an upgrade: what it does and needs, in numbers. */
  upgrade: Type.Optional(UpgradePreview),
  /** The same of a rollback. */
  rollback: Type.Optional(RollbackPreview),
  /** When it would begin; at once without. */
  at: Type.Optional(
    Type.Object({ at: Type.String(), wall: Type.String(), zone: Type.String(), isTwice: Type.Boolean() }),
  ),
});
export type PlanAnswer = Static<typeof PlanAnswer>;

/** What arrives line by line while a bundle is checked and the plan is made. */
export const BeginMessage = Type.Union([
  Type.Object({ kind: Type.Literal('progress'), done: Type.Number(), total: Type.Number() }),
  Type.Object({ kind: Type.Literal('plan'), plan: PlanAnswer }),
  Type.Object({
    kind: Type.Literal('operation'),
    id: Type.String(),
    /** It was under way, and is turned round. */
    halts: Type.Optional(Type.Boolean()),
    /** It was under way, and goes on as it was begun. */
    joins: Type.Optional(Type.Boolean()),
  }),
  Type.Object({ kind: Type.Literal('planned'), planned: AppointmentAnswer }),
  Type.Object({
    kind: Type.Literal('error'),
    error: Type.Object({ code: Type.String(), message: Type.String() }, { additionalProperties: true }),
  }),
]);
export type BeginMessage = Static<typeof BeginMessage>;

export const LogMessage = Type.Object({
  service: Type.String(),
  container: Type.String(),
  stream: Type.String(),
  at: Type.String(),
  line: Type.String(),
});
export type LogMessage = Static<typeof LogMessage>;

/** One line that was said while an operation went on; `step` is the number of the step that said it. */
export const NoteSchema = Type.Object({
  at: Type.String(),
  step: Nullable(Type.Integer()),
  text: Type.String(),
});
export type Note = Static<typeof NoteSchema>;
