// The journal's rows as SQLite keeps them, and the views that the rest of the product sees.

import type { ErrorReport } from '../base/errors.ts';
import { laneOf } from './lanes.ts';
import type { JournalEvent, OperationView, Progress, StepView } from './schema.ts';
import type { OperationState, StepState } from './states.ts';

export interface StoredStep extends StepView {
  readonly input: unknown;
}

export interface OperationRow {
  id: string;
  kind: string;
  title: string;
  state: OperationState;
  input: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  error: string | null;
}

export interface StepRow {
  n: number;
  type: string;
  title: string;
  input: string;
  state: StepState;
  attempts: number;
  started_at: string | null;
  finished_at: string | null;
  note: string | null;
  error: string | null;
  looks: number;
}

export interface EventRow {
  seq: number;
  operation: string;
  at: string;
  type: JournalEvent['type'];
  step: number | null;
  state: string | null;
  text: string | null;
}

function parseReport(text: string | null): OperationView['error'] {
  return text === null ? null : (JSON.parse(text) as ErrorReport as OperationView['error']);
}

export function operationView(row: OperationRow, steps: StoredStep[]): OperationView {
  return {
    id: row.id,
    kind: row.kind,
    lane: laneOf(row.kind),
    title: row.title,
    state: row.state,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    error: parseReport(row.error),
    steps: steps.map(({ input: _input, ...step }) => step),
  };
}

export function stepView(row: StepRow, progress: Progress | null): StoredStep {
  return {
    n: row.n,
    type: row.type,
    title: row.title,
    input: JSON.parse(row.input),
    state: row.state,
    attempts: row.attempts,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    note: row.note,
    error: parseReport(row.error),
    looks: row.looks === 1,
    progress,
  };
}
