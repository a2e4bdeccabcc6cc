// An upgrade that is to begin later: what is remembered of it, and what becomes of it when its time comes. Pure.

import type { ErrorReport } from '../base/errors.ts';
import type { Strategy } from '../release/index.ts';
import type { BundleReference } from './install-plan.ts';

export interface Appointment {
  readonly id: string;
  readonly title: string;
  readonly at: string;
  /** The same on the clock of the machine's zone. */
  readonly wall: string;
  readonly zone: string;
  readonly bundle: BundleReference;
  /** The version that it was planned from. */
  readonly from: string;
  readonly strategy?: Strategy;
  readonly irreversible: boolean;
  readonly state: AppointmentState;
  /** Why it did not begin. */
  readonly error: ErrorReport | null;
  /** Of one that begins just now: the newest operation before it. */
  readonly basis?: string | null;
}

/** `missed`: nobody was there at its time. `refused`: it could not begin. Both wait for a person. */
export const appointmentStates = ['waiting', 'beginning', 'missed', 'refused'] as const;
export type AppointmentState = (typeof appointmentStates)[number];

/** Later than this it would be a surprise in the middle of somebody's day. */
export const GRACE_MS = 15 * 60_000;

export type Due = 'wait' | 'begin' | 'missed';

export function dueOf({ at }: Pick<Appointment, 'at'>, now: Date): Due {
  const lateMs = now.getTime() - Date.parse(at);
  if (lateMs < 0) return 'wait';
  return lateMs <= GRACE_MS ? 'begin' : 'missed';
}

export function isOpen({ state }: Pick<Appointment, 'state'>): boolean {
  return state === 'waiting' || state === 'beginning';
}
