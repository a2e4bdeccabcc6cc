// The one upgrade that is planned for later: remembered in the journal's file, begun when its time comes, and told to a
// person when it could not be. A daemon that was away over its time does not begin it in the middle of a day.

import type { Clock } from '../base/clock.ts';
import { isOnsteadError, messageOf, OnsteadError, reportOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Journal } from '../journal/index.ts';
import { dueOf, isOpen, type Appointment } from './appointment.ts';
import { clearFact, readFact, writeFact } from './facts.ts';

export interface AppointmentsOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Begins the upgrade as if a person had given the command now. */
export type BeginAppointment = (appointment: Appointment, signal: AbortSignal) => Promise<void>;

/** A clock that was set, or a machine that slept, is noticed after so long. */
const LOOK_AGAIN_MS = 60_000;
const BUSY_AGAIN_MS = 10_000;

export class Appointments {
  readonly #options: AppointmentsOptions;
  #changed = Promise.withResolvers<void>();

  constructor(options: AppointmentsOptions) {
    this.#options = options;
  }

  current(): Appointment | undefined {
    return readFact(this.#options.journal, 'appointment') ?? undefined;
  }

  make(appointment: Appointment): void {
    const before = this.current();
    if (before !== undefined && isOpen(before)) throw alreadyPlanned(before);
    this.#write(appointment);
  }

  /** Also takes one off the list that was missed or refused. */
  cancel(id: string): Appointment {
    const known = this.current();
    if (known?.id !== id) {
      throw new OnsteadError('operation.unknown', `No upgrade is planned for later as "${id}".`, {
        next: 'See what is planned with `onstead status`.',
      });
    }
    this.#write(undefined);
    return known;
  }

  /** Until the signal ends it. */
  async keep(begin: BeginAppointment, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#look(begin, signal).catch((error: unknown) => this.#tellTrouble(error));
      await this.#pause(waitMs, signal);
    }
  }

  /** A full disk keeps nothing: it is tried again, and its time may pass meanwhile. */
  #tellTrouble(error: unknown): number {
    this.#options.log.warn({ err: error }, 'the planned upgrade could not be looked at');
    return BUSY_AGAIN_MS;
  }

  /** How long until it is worth to look again; undefined: until something changes. */
  async #look(begin: BeginAppointment, signal: AbortSignal): Promise<number | undefined> {
    const { clock, journal } = this.#options;
    const appointment = this.current();
    if (appointment === undefined || !isOpen(appointment)) return undefined;
    if (appointment.state === 'beginning' && appointment.basis !== (journal.newestId() ?? null)) {
      this.#write(undefined); // it had begun when the daemon was killed
      return undefined;
    }
    const due = dueOf(appointment, clock.now());
    if (due === 'wait') return Math.min(LOOK_AGAIN_MS, Date.parse(appointment.at) - clock.now().getTime());
    if (due === 'missed')
      return this.#settle(appointment, 'missed', appointment.error ?? reportOf(missed(appointment)));
    return this.#begin(appointment, begin, signal);
  }

  async #begin(
    appointment: Appointment,
    begin: BeginAppointment,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { journal, log } = this.#options;
    this.#write({ ...appointment, state: 'beginning', basis: journal.newestId() ?? null });
    try {
      await begin(appointment, signal);
      this.#write(undefined);
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      log.warn({ err: error }, 'the planned upgrade could not begin');
      if (isOnsteadError(error, 'release.same')) return this.#drop();
      if (!isOnsteadError(error, 'operation.busy'))
        return this.#settle(appointment, 'refused', reportOf(error));
      this.#write({ ...appointment, state: 'waiting', error: reportOf(busy(appointment, error)) });
      return BUSY_AGAIN_MS;
    }
  }

  #settle(appointment: Appointment, state: 'missed' | 'refused', error: Appointment['error']): undefined {
    this.#write({ ...appointment, state, error });
  }

  /** Somebody upgraded by hand meanwhile. */
  #drop(): undefined {
    this.#write(undefined);
  }

  #write(appointment: Appointment | undefined): void {
    const { journal } = this.#options;
    if (appointment === undefined) clearFact(journal, 'appointment');
    else writeFact(journal, 'appointment', appointment);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #pause(ms: number | undefined, signal: AbortSignal): Promise<void> {
    const changed = this.#changed.promise;
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const sleeping = ms === undefined ? untilAborted(either) : this.#options.clock.sleep(ms, either);
    await Promise.race([sleeping.catch(() => {}), changed]);
    over.abort();
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function alreadyPlanned({ id, title, wall, zone }: Appointment): OnsteadError {
  return new OnsteadError('operation.scheduled', `"${title}" is planned already, for ${wall} (${zone}).`, {
    next: `Take it off first: \`onstead operations cancel ${id}\`.`,
  });
}

function missed({ title, wall, zone, bundle }: Appointment): OnsteadError {
  return new OnsteadError(
    'operation.missed',
    `"${title}" was planned for ${wall} (${zone}), and Onstead did not run then.`,
    { next: `Plan it anew: \`onstead upgrade ${bundle.path} --at TIME\`, or do it now with --yes.` },
  );
}

function busy({ title, wall, zone, bundle }: Appointment, error: unknown): OnsteadError {
  return new OnsteadError(
    'operation.missed',
    `"${title}" was planned for ${wall} (${zone}), but then ${messageOf(error)}`,
    { next: `Plan it anew: \`onstead upgrade ${bundle.path} --at TIME\`, or do it now with --yes.` },
  );
}
