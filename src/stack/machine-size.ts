// Between the machine, the release and sizing: what is there, what is asked for, what the customer allows.

import type { Release, ReleaseService } from '../release/index.ts';
import type { AppDemand, ExtraDemand, SizingDemand, SizingMachine } from '../sizing/index.ts';
import { MIB, parseBytes } from '../base/units.ts';

/** What the customer lets Onstead use; absent means all of it. */
export interface MachineCaps {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly diskBytes?: number;
}

const DEFAULT_REPLICA = { cpu: 0.5, memoryBytes: 512 * MIB };

/** The part of the machine that the customer lets Onstead have. */
export function cappedMachine(machine: SizingMachine, caps: MachineCaps): SizingMachine {
  return {
    ...machine,
    cpus: Math.min(machine.cpus, caps.cpus ?? Infinity),
    memoryBytes: Math.min(machine.memoryBytes, caps.memoryBytes ?? Infinity),
    diskBytes: Math.min(machine.diskBytes, caps.diskBytes ?? Infinity),
  };
}

export function sizingDemandFrom(release: Release, imageBytes?: number): SizingDemand {
  return {
    apps: release.services.flatMap((service) => appDemand(service, release)),
    parts: release.services.flatMap(({ name, role }) =>
      role === 'mysql' || role === 'redis' || role === 'minio' || role === 'nginx' ? [{ name, role }] : [],
    ),
    extras: release.services.flatMap((service) => (service.role === 'carried' ? [extraDemand(service)] : [])),
    ...(imageBytes === undefined || imageBytes === 0 ? {} : { imageBytes }),
  };
}

function appDemand({ name, role }: ReleaseService, release: Release): AppDemand[] {
  if (role !== 'app' && role !== 'worker') return [];
  const sizing = release.sizing[name];
  const perReplica = sizing?.perReplica;
  return [
    {
      name,
      role,
      perReplica:
        perReplica === undefined
          ? DEFAULT_REPLICA
          : { cpu: perReplica.cpus, memoryBytes: perReplica.memoryBytes },
      replicas: sizing?.replicas ?? (role === 'app' ? 'auto' : 1),
      ...(sizing?.usersPerReplica === undefined ? {} : { usersPerReplica: sizing.usersPerReplica }),
    },
  ];
}

/** A service without a role keeps the limits that its vendor wrote, in either of Compose's spellings. */
function extraDemand({ name, compose }: ReleaseService): ExtraDemand {
  const resources = (compose['deploy'] as { resources?: { limits?: Record<string, unknown> } } | undefined)
    ?.resources;
  const memory = compose['mem_limit'] ?? resources?.limits?.['memory'];
  const cpus = compose['cpus'] ?? resources?.limits?.['cpus'];
  return {
    name,
    ...(memory === undefined ? {} : { memoryLimitBytes: parseBytes(String(memory)) }),
    ...(cpus === undefined ? {} : { cpuLimit: Number(cpus) }),
  };
}
