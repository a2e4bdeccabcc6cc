// The face of sizing: how much of this machine each service gets, and why.

export { planSize } from './plan.ts';
export { scratchPlan } from './scratch.ts';
export { defaultDemand } from './demand.ts';
export { explainDifference } from './difference.ts';
export { spareRoom, type SpareRoom } from './room.ts';
export {
  AppDemandSchema,
  ChangeSchema,
  ExtraDemandSchema,
  PartDemandSchema,
  ReasonSchema,
  ServiceSizeSchema,
  ShortfallSchema,
  SizingDemandSchema,
  SizingMachineSchema,
  SizingPlanSchema,
  SizingResultSchema,
} from './schema.ts';
export type {
  AppDemand,
  Change,
  DiskShare,
  ExtraDemand,
  PartDemand,
  Reason,
  Reserve,
  ServiceSize,
  Shortfall,
  SizingDemand,
  SizingMachine,
  SizingPlan,
  SizingResult,
  Tier,
  Unit,
  Value,
} from './schema.ts';
