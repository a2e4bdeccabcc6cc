// The shapes of operations as the journal keeps them and the API serves them.

import { Nullable, Type, type Static } from '../base/schema.ts';
import { lanes } from './lanes.ts';
import { operationStates, stepStates } from './states.ts';

const Time = Type.String({ description: 'ISO 8601, UTC' });
export const ErrorReportSchema = Type.Object({
  code: Type.String(),
  message: Type.String(),
  next: Type.Optional(Type.String()),
  details: Type.Optional(Type.Array(Type.Object({ message: Type.String() }, { additionalProperties: true }))),
});

export const ProgressSchema = Type.Object({
  done: Type.Number(),
  total: Type.Number(),
  unit: Type.Union([Type.Literal('bytes'), Type.Literal('items')]),
  note: Type.Optional(Type.String()),
});
export type Progress = Static<typeof ProgressSchema>;

export const StepSchema = Type.Object({
  n: Type.Integer(),
  type: Type.String(),
  title: Type.String(),
  state: Type.Enum([...stepStates]),
  attempts: Type.Integer(),
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  note: Nullable(Type.String()),
  error: Nullable(ErrorReportSchema),
  /** It changes nothing and runs every time. */
  looks: Type.Boolean(),
  progress: Nullable(ProgressSchema),
});
export type StepView = Static<typeof StepSchema>;

export const OperationSchema = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  /** Two that are not over are in two lanes: one changes the stack, one copies its data. */
  lane: Type.Enum([...lanes]),
  title: Type.String(),
  state: Type.Enum([...operationStates]),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  error: Nullable(ErrorReportSchema),
  steps: Type.Array(StepSchema),
});
export type OperationView = Static<typeof OperationSchema>;

export const EventSchema = Type.Object({
  seq: Type.Integer(),
  at: Time,
  operation: Type.String(),
  type: Type.Union([
    Type.Literal('operation'),
    Type.Literal('step'),
    Type.Literal('progress'),
    Type.Literal('note'),
  ]),
  step: Nullable(Type.Integer()),
  state: Nullable(Type.String()),
  text: Nullable(Type.String()),
  progress: Nullable(ProgressSchema),
});
export type JournalEvent = Static<typeof EventSchema>;
