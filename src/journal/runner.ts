// Carries an operation from wherever the journal says it is to its end. It decides nothing about the work: the
// plan says what, the executors do it, the tables in states.ts say what follows.

import type { Clock } from '../base/clock.ts';
import { isDiskFull } from '../base/disk-full.ts';
import { errorFrom, isOnsteadError, OnsteadError, messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Journal } from './journal.ts';
import type { StoredStep } from './rows.ts';
import type { Progress } from './schema.ts';
import { isOver, mayHaveEffect, resumeRules } from './states.ts';

export interface StepContext {
  readonly operation: string;
  readonly signal: AbortSignal;
  progress(progress: Progress): void;
  note(text: string): void;
}

/** What can be done with one type of step. All of it may be called again after a crash. */
export interface Executor<Input> {
  /** True when the effect already stands, so that nothing has to be done. */
  holds?(input: Input, context: StepContext): Promise<boolean>;
  /** Brings the effect about; may return one line for the history. */
  apply(input: Input, context: StepContext): Promise<string | void>;
  /** Takes back what this operation brought about, and only that. */
  undo?(input: Input, context: StepContext): Promise<void>;
  /** Steps that prove the result; the operation shows as `verifying` from the first of them on. */
  readonly verifies?: true;
}

/** One executor for each step type. `Steps` maps a type to its input, so that a missing one does not compile. */
export type ExecutorTable<Steps> = { readonly [Type in keyof Steps]: Executor<Steps[Type]> };

export type AnyExecutor = Executor<never>;

/** Where a test may end the process: just before a step, from where its effect begins, and between that and its record. */
export type FaultPoint = 'before' | 'during' | 'after';

/** `step` is its type, with `undo:` before it on the way back; `n` its place in the plan. */
export type Fault = (operation: string, step: string, point: FaultPoint, n: number) => void;

export interface RunnerOptions {
  readonly journal: Journal;
  readonly executors: Readonly<Record<string, AnyExecutor>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Errors that time may heal, for example an engine that is restarting. */
  readonly isWorthWaiting: (error: unknown) => boolean;
  readonly waitLimitMs?: number;
  /** Does the work while nobody else changes the same thing. Default: at once. */
  readonly exclusively?: (operation: string, work: () => Promise<void>) => Promise<void>;
  readonly fault?: Fault;
}

/** How often one step may be begun in one direction: then an operation turns back, and one that goes back is stuck. */
export const attemptLimit = 5;

const WAIT_BETWEEN_MS = 1_000;
const WAIT_LIMIT_MS = 5 * 60_000;

interface Patience {
  readonly giveUpAtMs: number;
  /** What people were told last, so that they are told once. */
  saidOf: string;
}
const UNKNOWN_STEP = 'operation.unknown-step';
const HALTED = 'operation.halted';
/** In the story, so that a night with a power cut does not read like a quiet one. */
const CUT_OFF = 'The daemon ended in the middle of this and was started again; it goes on.';

export class Runner {
  readonly #options: RunnerOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #halted = new Map<string, AbortController>();
  readonly #stopping = new AbortController();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Starts what the journal holds for this operation; returns at once. */
  start(id: string): void {
    if (this.#stopping.signal.aborted) return;
    const before = this.#running.get(id);
    if (before !== undefined) {
      void before.then(() => this.start(id)); // its last step is just being recorded
      return;
    }
    this.#running.set(
      id,
      this.#carryWhateverHappens(id).finally(() => {
        this.#running.delete(id);
        this.#halted.delete(id);
      }),
    );
  }

  /**
   * What no step can answer for ends here. A journal that cannot be written stops everything, and once there is room
   * the operation is taken up as after a crash; anything else waits for a person.
   */
  async #carryWhateverHappens(id: string): Promise<void> {
    const { clock, log, journal, exclusively = (_, carry) => carry() } = this.#options;
    let error: unknown;
    let patience: Patience | undefined;
    while (!this.#stopping.signal.aborted) {
      try {
        if (error === undefined) return await exclusively(id, () => this.#carry(id));
        return journal.move(id, 'stuck', interruptedError(error));
      } catch (cause) {
        if (this.#stopping.signal.aborted) return;
        const isFull = isDiskFull(cause);
        log.warn({ err: cause, operation: id }, isFull ? 'waiting for room on the disk' : 'interrupted');
        if (!isFull) error ??= cause;
        if (!isFull) patience ??= this.#patience();
        if (patience !== undefined && clock.monotonicMs() > patience.giveUpAtMs) return; // the next start resumes it
        await clock.sleep(WAIT_BETWEEN_MS, this.#stopping.signal).catch(() => {});
      }
    }
  }

  /** Called once when the daemon starts: goes on with everything that was cut off. */
  resumeAll(): string[] {
    const cutOff = this.#options.journal.unfinished().filter(({ state }) => resumeRules[state] !== 'leave');
    for (const { id } of cutOff) this.start(id);
    return cutOff.map(({ id }) => id);
  }

  /** A person says that the cause is gone. */
  resumeStuck(id: string): void {
    this.#settleStuck(id, 'running');
  }

  /** A person gives up: everything this operation did is taken back. */
  abandonStuck(id: string): void {
    this.#settleStuck(id, 'rolling-back');
  }

  /** The table lets a running operation turn round too, but that is the runner's own decision, not a person's. */
  #settleStuck(id: string, to: 'running' | 'rolling-back'): void {
    const { journal } = this.#options;
    const { error, state, title } = journal.get(id);
    if (state !== 'stuck') throw notStuck(id, title, state);
    journal.move(id, to, to === 'running' ? undefined : givenUp(error?.message));
    this.start(id);
  }

  /** A person turns an operation round that is under way. From here on it goes back, whatever happens. */
  halt(id: string): void {
    const { journal } = this.#options;
    const { state, title } = journal.get(id);
    if (isOver(state) || state === 'stuck' || state === 'rolling-back') throw notHaltable(id, title, state);
    const why = new OnsteadError(HALTED, 'A person asked for the way back.', {
      next: 'To go forward once more, give the command again.',
    });
    journal.move(id, 'rolling-back', why);
    this.#haltOf(id).abort(why);
    this.start(id);
  }

  async finished(id: string): Promise<void> {
    await this.#running.get(id);
  }

  /** Stops between two effects; the journal knows where to go on. */
  async stop(): Promise<void> {
    this.#stopping.abort(new OnsteadError('daemon.stopping', 'The daemon is stopping.'));
    await Promise.allSettled(this.#running.values());
  }

  async #carry(id: string): Promise<void> {
    const { journal } = this.#options;
    const rule = resumeRules[journal.get(id).state];
    if (rule === 'leave') return;
    if (rule === 'back') return this.#goBack(id);
    if (journal.get(id).state === 'planned') journal.move(id, 'running');
    for (const step of journal.steps(id)) {
      if (step.state === 'done' || step.state === 'skipped') continue;
      const error = await this.#forward(id, step);
      if (this.#haltOf(id).signal.aborted && !this.#stopping.signal.aborted) return this.#goBack(id);
      if (error === undefined) continue;
      if (this.#stopping.signal.aborted) return;
      if (this.#options.isWorthWaiting(error) || isOnsteadError(error, UNKNOWN_STEP)) {
        return journal.move(id, 'stuck', stuckError(step, error));
      }
      journal.move(id, 'rolling-back', error);
      return this.#goBack(id);
    }
    journal.move(id, 'done');
    this.#options.fault?.(id, 'operation', 'after', 0);
  }

  /** Runs one step to its end. The returned error is final; undefined means that its effect stands. */
  async #forward(id: string, step: StoredStep): Promise<unknown> {
    const { journal, fault } = this.#options;
    const executor = this.#options.executors[step.type];
    if (executor === undefined) return unknownStep(step);
    const halted = this.#haltOf(id).signal;
    const context = this.#context(id, step.n, halted);
    const patience = this.#patience();
    // Once it was begun, an effect that stands may be ours: it counts as done and can be undone.
    let mayBeOurs = step.state !== 'pending';
    if (executor.verifies === true) journal.move(id, 'verifying');
    if (step.attempts >= attemptLimit) return interruptedTooOften(step);
    if (step.state === 'running') journal.note(id, step.n, CUT_OFF);
    journal.attempt(id, step.n, 'running');
    for (;;) {
      if (this.#stopping.signal.aborted) return this.#brokenOff(id, step.n, this.#stopping.signal.reason);
      try {
        fault?.(id, step.type, 'before', step.n);
        if (await executor.holds?.(step.input as never, context)) {
          journal.settle(id, step.n, mayBeOurs ? 'done' : 'skipped');
          return undefined;
        }
        mayBeOurs = true;
        fault?.(id, step.type, 'during', step.n);
        const note = await executor.apply(step.input as never, context);
        fault?.(id, step.type, 'after', step.n);
        journal.settle(id, step.n, 'done', note === undefined ? {} : { note });
        return undefined;
      } catch (error) {
        if (this.#stopping.signal.aborted) return this.#brokenOff(id, step.n, error);
        if (!halted.aborted && (await this.#waitOut(id, step.n, error, patience, halted))) continue;
        const told = halted.aborted ? halted.reason : error;
        journal.settle(id, step.n, 'failed', { error: told });
        return told;
      }
    }
  }

  async #goBack(id: string): Promise<void> {
    const { journal } = this.#options;
    for (const step of journal.steps(id).toReversed()) {
      if (!mayHaveEffect[step.state]) continue;
      const error = await this.#undo(id, step);
      if (error === undefined) continue;
      if (!this.#stopping.signal.aborted) journal.move(id, 'stuck', stuckError(step, error));
      return;
    }
    journal.move(id, 'rolled-back');
  }

  async #undo(id: string, step: StoredStep): Promise<unknown> {
    const { journal, fault } = this.#options;
    const executor = this.#options.executors[step.type];
    if (executor === undefined) return unknownStep(step);
    if (executor.undo === undefined) {
      if (step.state !== 'failed') journal.leave(id, step.n);
      return undefined;
    }
    if (this.#stopping.signal.aborted) return this.#stopping.signal.reason;
    if (step.attempts >= attemptLimit) return interruptedTooOften(step);
    const failure = step.error;
    if (step.state === 'undoing') journal.note(id, step.n, CUT_OFF);
    journal.attempt(id, step.n, 'undoing');
    const patience = this.#patience();
    for (;;) {
      try {
        fault?.(id, `undo:${step.type}`, 'before', step.n);
        fault?.(id, `undo:${step.type}`, 'during', step.n);
        await executor.undo(step.input as never, this.#context(id, step.n));
        fault?.(id, `undo:${step.type}`, 'after', step.n);
        journal.settle(id, step.n, 'undone', failure === null ? {} : { error: errorFrom(failure) });
        return undefined;
      } catch (error) {
        if (this.#stopping.signal.aborted) return this.#brokenOff(id, step.n, error);
        if (!(await this.#waitOut(id, step.n, error, patience))) return error;
      }
    }
  }

  #patience(): Patience {
    return {
      giveUpAtMs: this.#options.clock.monotonicMs() + (this.#options.waitLimitMs ?? WAIT_LIMIT_MS),
      saidOf: '',
    };
  }

  /** Waits a moment for what time may heal. False where it will not, or has not for too long. */
  async #waitOut(
    id: string,
    n: number,
    error: unknown,
    patience: Patience,
    halted?: AbortSignal,
  ): Promise<boolean> {
    const { clock, isWorthWaiting, journal } = this.#options;
    if (!isWorthWaiting(error) || clock.monotonicMs() >= patience.giveUpAtMs) return false;
    const message = messageOf(error);
    if (message !== patience.saidOf) journal.note(id, n, `Waiting: ${message}`);
    patience.saidOf = message;
    await clock.sleep(WAIT_BETWEEN_MS, this.#eitherOf(halted)).catch(() => {});
    return halted?.aborted !== true;
  }

  #haltOf(id: string): AbortController {
    const known = this.#halted.get(id) ?? new AbortController();
    this.#halted.set(id, known);
    return known;
  }

  #eitherOf(halted: AbortSignal | undefined): AbortSignal {
    return halted === undefined ? this.#stopping.signal : AbortSignal.any([this.#stopping.signal, halted]);
  }

  /** The daemon was asked to stop: the step stays as it is and is taken up again, and the attempt does not count. */
  #brokenOff(id: string, n: number, error: unknown): unknown {
    this.#options.journal.forgiveAttempt(id, n);
    return error;
  }

  /** Only the way forward can be halted. */
  #context(id: string, n: number, halted?: AbortSignal): StepContext {
    const { journal } = this.#options;
    return {
      operation: id,
      signal: this.#eitherOf(halted),
      progress: (progress) => journal.progress(id, n, progress),
      note: (text) => journal.note(id, n, text),
    };
  }
}

function unknownStep({ type }: StoredStep): OnsteadError {
  return new OnsteadError(UNKNOWN_STEP, `This Onstead does not know the step "${type}".`, {
    next: 'Start the Onstead version that began the operation.',
  });
}

function notStuck(id: string, title: string, state: string): OnsteadError {
  return new OnsteadError('operation.not-stuck', `"${title}" (${id}) is not stuck but ${state}.`, {
    next: `Only a stuck operation can be resumed or abandoned; see \`onstead operations show ${id}\`.`,
  });
}

function notHaltable(id: string, title: string, state: string): OnsteadError {
  return new OnsteadError('operation.not-running', `"${title}" (${id}) is not going forward but ${state}.`, {
    next: `See \`onstead operations show ${id}\`.`,
  });
}

function givenUp(why = ''): OnsteadError {
  return new OnsteadError('operation.abandoned', `Given up by a person. ${why}`.trim());
}

function interruptedTooOften(step: StoredStep): OnsteadError {
  return new OnsteadError(
    'operation.interrupted',
    `"${step.title}" was begun ${step.attempts} times and interrupted each time.`,
    { next: "Look into the daemon's log for the cause: `journalctl -u onstead` or its log file." },
  );
}

function stuckError(step: StoredStep, error: unknown): OnsteadError {
  return waitsForPerson(`"${step.title}" cannot go on: ${messageOf(error)}`, error);
}

function interruptedError(error: unknown): OnsteadError {
  return waitsForPerson(`It was interrupted: ${messageOf(error)}`, error);
}

function waitsForPerson(message: string, error: unknown): OnsteadError {
  const next = isOnsteadError(error) ? error.next : undefined;
  return new OnsteadError('operation.stuck', message, {
    next: `${next ?? 'Remove the cause.'} Then run \`onstead operations resume\` to go on, or \`onstead operations abandon\` to take everything back.`,
    cause: error,
  });
}
