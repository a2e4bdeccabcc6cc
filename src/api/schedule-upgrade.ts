// An upgrade for later: looked at and agreed to now, as one that begins at once, and begun as such when its time comes.

import { OnsteadError, isOnsteadError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { MachineTime } from '../base/machine-time.ts';
import {
  readFact,
  type Appointment,
  type BeginAppointment,
  type DeployTools,
  type PreparedUpgrade,
} from '../deploy/index.ts';
import type { Appliance, UpgradeRequest } from './appliance.ts';
import type { AppointmentAnswer } from './schemas.ts';

export function appointmentFor(
  { clock }: DeployTools,
  { target, title }: PreparedUpgrade,
  request: UpgradeRequest,
  time: MachineTime,
): Appointment {
  const { strategy, irreversible = false } = request;
  return {
    id: newId('upgrade', clock.now()),
    title,
    at: time.at,
    wall: time.wall,
    zone: time.zone,
    bundle: target.bundle,
    from: target.from.version,
    ...(strategy === undefined ? {} : { strategy }),
    irreversible,
    state: 'waiting',
    error: null,
  };
}

/** The same command that a person would give then. */
export function beginBy(tools: DeployTools, appliance: Pick<Appliance, 'upgrade'>): BeginAppointment {
  return async (appointment, signal) => {
    const { id, bundle, from, strategy, irreversible } = appointment;
    refuseOtherRelease(readFact(tools.journal, 'installed')?.version, from);
    await requireBundle(tools, appointment, signal);
    const chosen = strategy === undefined ? {} : { strategy };
    await appliance.upgrade(
      { id, path: bundle.path, dryRun: false, irreversible, ...chosen },
      () => {},
      signal,
    );
  };
}

function refuseOtherRelease(installed: string | undefined, from: string): void {
  if (installed === from) return;
  throw new OnsteadError(
    'operation.stale',
    `The upgrade was planned from ${from}, and ${installed ?? 'nothing'} is installed now.`,
    { next: 'Plan it anew: `onstead upgrade BUNDLE --at TIME`.' },
  );
}

async function requireBundle({ bundles }: DeployTools, { bundle }: Appointment, signal: AbortSignal) {
  try {
    await bundles.use(bundle, { signal }, async () => {});
  } catch (error) {
    if (!isOnsteadError(error, 'bundle.missing') && !isOnsteadError(error, 'bundle.changed')) throw error;
    throw new OnsteadError('bundle.missing', error.message, {
      next: `Copy it there again and plan anew: \`onstead upgrade ${bundle.path} --at TIME\`.`,
      cause: error,
    });
  }
}

export function answerOf(known: Appointment | undefined): AppointmentAnswer | null {
  if (known === undefined) return null;
  const { id, title, at, wall, zone, state, error, bundle } = known;
  const { message = null, next = null } = error ?? {};
  return { id, title, at, wall, zone, state, path: bundle.path, message, next };
}
