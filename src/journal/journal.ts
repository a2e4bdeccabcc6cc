// What was planned, tried and held: operations, their steps and their events. Every change is on the disk when
// the call returns; listeners hear of it afterwards.

import type { Clock } from '../base/clock.ts';
import { asDiskFull } from '../base/disk-full.ts';
import { OnsteadError, reportOf } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { maskTexts, type Mask } from '../base/mask.ts';
import type { Db } from './database.ts';
import { isInLane, isTried, lanesNeededBy, type Lane } from './lanes.ts';
import {
  operationView,
  stepView,
  type EventRow,
  type OperationRow,
  type StepRow,
  type StoredStep,
} from './rows.ts';
import type { JournalEvent, OperationView, Progress } from './schema.ts';
import { isOver, mayMove, operationStates, type OperationState, type StepState } from './states.ts';

/** As a list in SQL. */
const OVER = operationStates
  .filter(isOver)
  .map((state) => `'${state}'`)
  .join(', ');

export interface PlannedStep {
  readonly type: string;
  readonly title: string;
  readonly input: unknown;
  /** It only looks, so that it runs every time and changes nothing. */
  readonly looks?: true;
}

export interface NewOperation {
  /** Where it has had a name before it began. */
  readonly id?: string;
  readonly kind: string;
  readonly title: string;
  readonly input: unknown;
  readonly steps: readonly PlannedStep[];
  /** The newest change of the stack when the plan was made; another one since then has made it stale. */
  readonly basis?: string | undefined;
  /** It takes memory that whatever is tried in a stack of its own works with. */
  readonly borrows?: true;
}

export interface StepDuration {
  readonly type: string;
  readonly input: unknown;
  readonly ms: number;
}

export interface JournalOptions {
  /** What is said on the way comes from anybody's programs: it is neither kept nor told before this has seen it. */
  readonly mask?: Mask;
}

export class Journal {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #maskText: Mask;
  readonly #listeners = new Set<(event: JournalEvent) => void>();
  /** The newest progress of each running step. It is worth showing, not worth a disk flush. */
  readonly #progress = new Map<string, Progress>();

  constructor(db: Db, clock: Clock, { mask = (text) => text }: JournalOptions = {}) {
    this.#db = db;
    this.#clock = clock;
    this.#maskText = mask;
  }

  /** Writes the whole plan. Refused while an operation is not over that it may not go beside. */
  create(operation: NewOperation): OperationView {
    const id = operation.id ?? newId(operation.kind, this.#clock.now());
    this.#record(id, { type: 'operation', state: 'planned', text: operation.title }, () => {
      this.refuseBusy(operation);
      if ('basis' in operation && operation.basis !== this.newestId()) throw staleError(operation.title);
      this.#db
        .prepare(
          `insert into operation (id, kind, title, state, input, created_at) values (?, ?, ?, 'planned', ?, ?)`,
        )
        .run(id, operation.kind, operation.title, JSON.stringify(operation.input), this.#now());
      const insert = this.#db.prepare(
        `insert into step (operation, n, type, title, input, looks, state) values (?, ?, ?, ?, ?, ?, 'pending')`,
      );
      operation.steps.forEach((step, index) =>
        insert.run(
          id,
          index + 1,
          step.type,
          step.title,
          JSON.stringify(step.input),
          Number(step.looks ?? false),
        ),
      );
    });
    return this.get(id);
  }

  /** Says which operation is not over, where this one may not go beside it. */
  refuseBusy({ kind, borrows }: Pick<NewOperation, 'kind' | 'borrows'>): void {
    const needed = lanesNeededBy(kind);
    const busy = this.unfinished().find(
      (one) => needed.includes(one.lane) || (borrows === true && isTried(one.kind)),
    );
    if (busy !== undefined) throw busyError(busy);
  }

  /** Of those that change the stack. By the order they were made in, not by a clock that may have been wrong. */
  newestId(): string | undefined {
    const row = this.#db
      .prepare(`select id from operation where ${isInLane('stack')} order by rowid desc limit 1`)
      .get();
    return (row as { id: string } | undefined)?.id;
  }

  get(id: string): OperationView {
    const row = this.#db.prepare(`select * from operation where id = ?`).get(id) as OperationRow | undefined;
    if (row === undefined) {
      throw new OnsteadError('operation.unknown', `There is no operation "${id}".`, {
        next: 'List them with `onstead operations`.',
      });
    }
    return operationView(row, this.steps(id));
  }

  input(id: string): unknown {
    const row = this.#db.prepare(`select input from operation where id = ?`).get(id) as OperationRow;
    return JSON.parse(row.input);
  }

  steps(id: string): StoredStep[] {
    const rows = this.#db.prepare(`select * from step where operation = ? order by n`).all(id) as StepRow[];
    return rows.map((row) => stepView(row, this.#progress.get(progressKey(id, row.n)) ?? null));
  }

  /** The newest, and whatever is not over however old it is. */
  list(limit = 50): OperationView[] {
    const rows = this.#db
      .prepare(
        `select * from operation
          where state not in (${OVER}) or rowid in (select rowid from operation order by rowid desc limit ?)
          order by rowid desc`,
      )
      .all(limit) as OperationRow[];
    return rows.map((row) => operationView(row, this.steps(row.id)));
  }

  /** The newest of this kind, however much else was done since. */
  listOf(kind: string, limit = 50): OperationView[] {
    const rows = this.#db
      .prepare(`select * from operation where kind = ? order by rowid desc limit ?`)
      .all(kind, limit) as OperationRow[];
    return rows.map((row) => operationView(row, this.steps(row.id)));
  }

  /** One a lane at most; without a lane of both, and what changes the stack first. */
  unfinished(lane?: Lane): OperationView[] {
    const which = lane === undefined ? '' : `and ${isInLane(lane)}`;
    const rows = this.#db
      .prepare(
        `select * from operation where state not in (${OVER}) ${which} order by ${isInLane('copy')}, rowid desc`,
      )
      .all() as OperationRow[];
    return rows.map((row) => operationView(row, this.steps(row.id)));
  }

  move(id: string, to: OperationState, error?: unknown): void {
    const { state: from, startedAt } = this.get(id);
    if (from === to) return;
    if (!mayMove(from, to)) throw new Error(`an operation cannot go from ${from} to ${to}`);
    const report = error === undefined ? null : this.#mask(reportOf(error));
    this.#record(id, { type: 'operation', state: to, text: report?.message ?? null }, () => {
      // Going on means that what was wrong is over; going back keeps the reason for it.
      this.#db
        .prepare(
          `update operation set state = ?, started_at = ?, finished_at = ?,
             error = case when ? = 'running' then null else coalesce(?, error) end where id = ?`,
        )
        .run(
          to,
          startedAt ?? this.#now(),
          isOver(to) || to === 'stuck' ? this.#now() : null,
          to,
          report === null ? null : JSON.stringify(report),
          id,
        );
      // Attempts are a budget for one direction; turning round or a person's resume starts a new one.
      if (to === 'rolling-back' || from === 'stuck') {
        this.#db.prepare(`update step set attempts = 0 where operation = ?`).run(id);
      }
    });
  }

  /** Counts one more attempt of a step, before anything is tried. */
  attempt(id: string, n: number, state: 'running' | 'undoing'): void {
    this.#record(id, { type: 'step', step: n, state }, () => {
      this.#db
        .prepare(
          `update step set state = ?, attempts = attempts + 1, started_at = ?, finished_at = null, error = null
            where operation = ? and n = ?`,
        )
        .run(state, this.#now(), id, n);
    });
  }

  /** A daemon that was asked to stop did not crash: the attempt that it broke off does not count. */
  forgiveAttempt(id: string, n: number): void {
    this.#db
      .prepare(`update step set attempts = max(attempts - 1, 0) where operation = ? and n = ?`)
      .run(id, n);
  }

  settle(id: string, n: number, state: StepState, outcome: { note?: string; error?: unknown } = {}): void {
    this.#progress.delete(progressKey(id, n));
    const report = outcome.error === undefined ? null : this.#mask(reportOf(outcome.error));
    const note = this.#mask(outcome.note ?? null);
    const text = note ?? report?.message ?? null;
    this.#record(id, { type: 'step', step: n, state, text }, () => {
      this.#db
        .prepare(
          `update step set state = ?, finished_at = ?, note = coalesce(?, note), error = ? where operation = ? and n = ?`,
        )
        .run(state, this.#now(), note, report === null ? null : JSON.stringify(report), id, n);
    });
  }

  /** Of a step that left nothing behind nothing is taken back; when it began and ended stays as it was. */
  leave(id: string, n: number): void {
    this.#record(id, { type: 'step', step: n, state: 'undone', text: null }, () => {
      this.#db.prepare(`update step set state = 'undone' where operation = ? and n = ?`).run(id, n);
    });
  }

  note(id: string, n: number | null, text: string): void {
    this.#record(id, { type: 'note', step: n, text: this.#mask(text) });
  }

  progress(id: string, n: number, said: Progress): void {
    const progress = this.#mask(said);
    this.#progress.set(progressKey(id, n), progress);
    this.#tell({ ...blankEvent(id, this.#now()), type: 'progress', step: n, progress });
  }

  events(id: string, after = 0): JournalEvent[] {
    const rows = this.#db
      .prepare(`select * from event where operation = ? and seq > ? order by seq`)
      .all(id, after) as EventRow[];
    return rows.map((row) => ({ ...row, progress: null }));
  }

  /** How long steps took that went through at the first attempt, in operations that went through; the newest first. */
  durations(limit = 2_000): StepDuration[] {
    const rows = this.#db
      .prepare(
        `select step.type, step.input, step.started_at, step.finished_at from step
           join operation on operation.id = step.operation
          where operation.state = 'done' and step.state = 'done' and step.attempts = 1
          order by operation.rowid desc limit ?`,
      )
      .all(limit) as Pick<StepRow, 'type' | 'input' | 'started_at' | 'finished_at'>[];
    return rows.map((row) => ({
      type: row.type,
      input: JSON.parse(row.input),
      ms: Date.parse(row.finished_at!) - Date.parse(row.started_at!), // what is done was begun and ended
    }));
  }

  /** Hears every event of every operation until the returned function is called. */
  listen(listener: (event: JournalEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A durable fact of the appliance, such as the installed release. */
  fact<T>(key: string): T | undefined {
    const row = this.#db.prepare(`select value from fact where key = ?`).get(key) as
      { value: string } | undefined;
    return row === undefined ? undefined : (JSON.parse(row.value) as T);
  }

  setFact(key: string, value: unknown): void {
    try {
      this.#db
        .prepare(
          `insert into fact (key, value, updated_at) values (?, ?, ?)
           on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`,
        )
        .run(key, JSON.stringify(value), this.#now());
    } catch (error) {
      throw asDiskFull(error, this.#db.name);
    }
  }

  clearFact(key: string): void {
    this.#db.prepare(`delete from fact where key = ?`).run(key);
  }

  /** Old stories are dropped; the operations themselves stay as history. */
  forgetEventsBefore(time: Date): number {
    return this.#db.prepare(`delete from event where at < ?`).run(time.toISOString()).changes;
  }

  /** A change and the event that tells of it are one commit, so that the story has no gaps. */
  #record(
    operation: string,
    event: Partial<JournalEvent> & { type: JournalEvent['type'] },
    change: () => void = () => {},
  ): void {
    const full = { ...blankEvent(operation, this.#now()), ...event };
    this.#tell({ ...full, seq: this.#write(full, change) });
  }

  #write(full: JournalEvent, change: () => void): number {
    const { operation } = full;
    try {
      const write = this.#db.transaction(() => {
        change();
        return this.#db
          .prepare(`insert into event (operation, at, type, step, state, text) values (?, ?, ?, ?, ?, ?)`)
          .run(operation, full.at, full.type, full.step, full.state, full.text).lastInsertRowid;
      });
      return Number(write.immediate());
    } catch (error) {
      throw asDiskFull(error, this.#db.name);
    }
  }

  #tell(event: JournalEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        // What a listener cannot show is no failure of the step that it hears of.
      }
    }
  }

  #mask<T>(value: T): T {
    return maskTexts(value, this.#maskText);
  }

  #now(): string {
    return this.#clock.now().toISOString();
  }
}

const AT_A_TIME: Readonly<Record<Lane, string>> = {
  stack: 'only one change at a time is made',
  copy: 'only one copy of the data at a time is made',
};

function busyError(busy: OperationView): OnsteadError {
  const stuck = busy.state === 'stuck';
  return new OnsteadError(
    stuck ? 'operation.stuck' : 'operation.busy',
    stuck
      ? `"${busy.title}" (${busy.id}) is stuck and has to be settled first.`
      : `"${busy.title}" (${busy.id}) is running; ${AT_A_TIME[busy.lane]}.`,
    {
      next: stuck
        ? `See \`onstead operations show ${busy.id}\`, then \`onstead operations resume ${busy.id}\` or \`onstead operations abandon ${busy.id}\`.`
        : `Follow it with \`onstead operations show ${busy.id} --follow\` and try again when it is over.`,
    },
  );
}

function staleError(title: string): OnsteadError {
  return new OnsteadError(
    'operation.stale',
    `"${title}" was planned before another operation changed the stack.`,
    {
      next: 'Give the command again: it plans anew.',
    },
  );
}

function blankEvent(operation: string, at: string): JournalEvent {
  return { seq: 0, at, operation, type: 'note', step: null, state: null, text: null, progress: null };
}

function progressKey(id: string, n: number): string {
  return `${id}/${n}`;
}
