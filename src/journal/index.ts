// The journal's face: operations that survive a power cut, and the runner that carries them on.

export { openDatabase, databaseVersion, type Db } from './database.ts';
export { laneOf, type Lane } from './lanes.ts';
export {
  Journal,
  type JournalOptions,
  type NewOperation,
  type PlannedStep,
  type StepDuration,
} from './journal.ts';
export {
  Runner,
  attemptLimit,
  type AnyExecutor,
  type Executor,
  type ExecutorTable,
  type Fault,
  type FaultPoint,
  type StepContext,
} from './runner.ts';
export {
  ErrorReportSchema,
  EventSchema,
  OperationSchema,
  ProgressSchema,
  StepSchema,
  type JournalEvent,
  type OperationView,
  type Progress,
  type StepView,
} from './schema.ts';
export { whoElse } from './who-else.ts';
export { isOver, operationStates, stepStates, type OperationState, type StepState } from './states.ts';
