// How the releases for tests misbehave, each in exactly one way. A real release has the fault `none`.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './release.ts';

export interface Misbehaviour {
  readonly beforeRequest: () => Promise<void>;
  readonly canBecomeReady: boolean;
  readonly failsAtStart: boolean;
  readonly ignoresStop: boolean;
}

const NONE: Misbehaviour = {
  beforeRequest: async () => {},
  canBecomeReady: true,
  failsAtStart: false,
  ignoresStop: false,
};

const SLOW_MS = 900;
const ERROR_EVERY = 20;

let requests = 0;

/** Every twentieth request, so that a test sees 5 % and not what chance makes of it. */
async function failSometimes(): Promise<void> {
  requests += 1;
  if (requests % ERROR_EVERY === 0) throw new Error('This release fails every twentieth request.');
}

const MISBEHAVIOURS: Readonly<Record<Fault, Misbehaviour>> = {
  none: NONE,
  'never-ready': { ...NONE, canBecomeReady: false },
  errors: { ...NONE, beforeRequest: failSometimes },
  slow: { ...NONE, beforeRequest: () => sleep(SLOW_MS) },
  'app-fails': { ...NONE, failsAtStart: true },
  'ignores-sigterm': { ...NONE, ignoresStop: true },
};

export function faultOf(fault: Fault): Misbehaviour {
  return MISBEHAVIOURS[fault];
}
