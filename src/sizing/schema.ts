// The shapes that sizing takes and gives. The plan is stored in the journal and served by the API, so the
// TypeScript types come from the schemas and nowhere else.

import { Type, type Static } from '../base/schema.ts';

const Bytes = Type.Integer({ minimum: 0 });
const Cpus = Type.Number({ minimum: 0 });
const Name = Type.String({ minLength: 1 });

export const SizingMachineSchema = Type.Object({
  cpus: Type.Number({ minimum: 0, description: 'CPUs as quota and affinity allow them; 1.5 is possible' }),
  memoryBytes: Bytes,
  /** What the appliance may fill: free space plus what it already holds there. */
  diskBytes: Bytes,
  /** null: the machine does not say, as many virtual disks. */
  rotational: Type.Union([Type.Boolean(), Type.Null()]),
  fsyncMs: Type.Optional(Type.Number({ minimum: 0 })),
});
export type SizingMachine = Static<typeof SizingMachineSchema>;

export const AppDemandSchema = Type.Object({
  name: Name,
  role: Type.Union([Type.Literal('app'), Type.Literal('worker')]),
  perReplica: Type.Object({
    cpu: Type.Number({ minimum: 0.01 }),
    memoryBytes: Type.Integer({ minimum: 1 }),
  }),
  replicas: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1 })]),
  /** Absent for services that serve no person directly, such as most workers. */
  usersPerReplica: Type.Optional(Type.Number({ minimum: 1 })),
  /** Database connections that one replica opens at most. */
  databaseConnections: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type AppDemand = Static<typeof AppDemandSchema>;

export const PartDemandSchema = Type.Object({
  name: Name,
  role: Type.Union([
    Type.Literal('mysql'),
    Type.Literal('redis'),
    Type.Literal('minio'),
    Type.Literal('nginx'),
  ]),
});
export type PartDemand = Static<typeof PartDemandSchema>;

export const ExtraDemandSchema = Type.Object({
  name: Name,
  replicas: Type.Optional(Type.Integer({ minimum: 1 })),
  memoryLimitBytes: Type.Optional(Type.Integer({ minimum: 1 })),
  memoryReservationBytes: Type.Optional(Bytes),
  cpuLimit: Type.Optional(Type.Number({ minimum: 0.01 })),
  cpuReservation: Type.Optional(Cpus),
});
export type ExtraDemand = Static<typeof ExtraDemandSchema>;

export const SizingDemandSchema = Type.Object({
  apps: Type.Array(AppDemandSchema),
  parts: Type.Array(PartDemandSchema),
  /** Services without a role; they keep the limits that their vendor wrote. */
  extras: Type.Array(ExtraDemandSchema),
  /** The unpacked images of one release. */
  imageBytes: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type SizingDemand = Static<typeof SizingDemandSchema>;

export const UnitSchema = Type.Union([
  Type.Literal('bytes'),
  Type.Literal('cpus'),
  Type.Literal('count'),
  Type.Literal('users'),
  Type.Literal('operations per second'),
  Type.Literal('text'),
]);
export type Unit = Static<typeof UnitSchema>;

export const ValueSchema = Type.Union([Type.Number(), Type.String()]);
export type Value = Static<typeof ValueSchema>;

export const ReasonSchema = Type.Object({
  service: Name,
  key: Name,
  value: ValueSchema,
  unit: UnitSchema,
  why: Type.String({ minLength: 1 }),
});
export type Reason = Static<typeof ReasonSchema>;

export const ServiceSizeSchema = Type.Object({
  name: Name,
  role: Type.Union([
    Type.Literal('app'),
    Type.Literal('worker'),
    Type.Literal('mysql'),
    Type.Literal('redis'),
    Type.Literal('minio'),
    Type.Literal('nginx'),
    Type.Null(),
  ]),
  replicas: Type.Integer({ minimum: 1 }),
  /** Limits and reservations are those of one container. */
  memoryLimitBytes: Bytes,
  memoryReservationBytes: Bytes,
  cpuLimit: Cpus,
  cpuReservation: Cpus,
  settings: Type.Record(Type.String(), ValueSchema),
});
export type ServiceSize = Static<typeof ServiceSizeSchema>;

export const ReserveSchema = Type.Object({
  name: Type.Union([
    Type.Literal('system'),
    Type.Literal('daemon'),
    Type.Literal('surge'),
    Type.Literal('scratch'),
    Type.Literal('edge'),
  ]),
  memoryBytes: Bytes,
  cpus: Cpus,
});
export type Reserve = Static<typeof ReserveSchema>;

export const DiskShareSchema = Type.Object({
  name: Type.Union([
    Type.Literal('appliance'),
    Type.Literal('images'),
    Type.Literal('database'),
    Type.Literal('objects'),
    Type.Literal('cache'),
    Type.Literal('binlogs'),
    Type.Literal('restorePoint'),
    Type.Literal('scratch'),
    Type.Literal('backups'),
    Type.Literal('free'),
  ]),
  bytes: Bytes,
});
export type DiskShare = Static<typeof DiskShareSchema>;

export const TierSchema = Type.Object({
  name: Type.Union([Type.Literal('Minimum'), Type.Literal('Recommended'), Type.Literal('High performance')]),
  users: Type.Integer({ minimum: 0 }),
  limitedBy: Type.Union([
    Type.Literal('cpus'),
    Type.Literal('memory'),
    Type.Literal('disk'),
    Type.Literal('replicas'),
  ]),
});
export type Tier = Static<typeof TierSchema>;

export const SizingPlanSchema = Type.Object({
  /** Raised when a formula changes, so that an old plan in the journal is known to be old. */
  formula: Type.Integer({ minimum: 1 }),
  machine: SizingMachineSchema,
  tier: TierSchema,
  services: Type.Array(ServiceSizeSchema),
  reserves: Type.Array(ReserveSchema),
  disk: Type.Array(DiskShareSchema),
  /** Memory that no limit and no reserve holds; the kernel caches files in it. */
  unassignedMemoryBytes: Bytes,
  /** CPU that nothing reserves; whoever needs it first takes it. */
  unreservedCpus: Cpus,
  reasons: Type.Array(ReasonSchema),
});
export type SizingPlan = Static<typeof SizingPlanSchema>;

export const ShortfallSchema = Type.Object({
  dimension: Type.Union([Type.Literal('cpus'), Type.Literal('memory'), Type.Literal('disk')]),
  unit: Type.Union([Type.Literal('cpus'), Type.Literal('bytes')]),
  needed: Type.Number(),
  found: Type.Number(),
  missing: Type.Number(),
  message: Type.String(),
  /** What the least is made of. */
  parts: Type.Array(Type.Object({ name: Name, amount: Type.Number() })),
});
export type Shortfall = Static<typeof ShortfallSchema>;

export const SizingResultSchema = Type.Union([
  Type.Object({ ok: Type.Literal(true), plan: SizingPlanSchema }),
  Type.Object({ ok: Type.Literal(false), shortfalls: Type.Array(ShortfallSchema, { minItems: 1 }) }),
]);
export type SizingResult = Static<typeof SizingResultSchema>;

export const ChangeSchema = Type.Object({
  service: Name,
  key: Name,
  unit: UnitSchema,
  before: Type.Union([ValueSchema, Type.Null()]),
  after: Type.Union([ValueSchema, Type.Null()]),
  why: Type.String(),
  /** live: takes effect while running; reload: nginx reads it anew; restart: the service's containers start anew. */
  apply: Type.Union([Type.Literal('live'), Type.Literal('reload'), Type.Literal('restart')]),
});
export type Change = Static<typeof ChangeSchema>;
