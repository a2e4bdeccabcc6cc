// How many users a plan carries, and the name people know that by. The number is continuous; the name is not.

import { MIB, formatBytes } from '../base/units.ts';
import { busyReplicas } from './apps.ts';
import type { AppShare } from './apps.ts';
import type { AppDemand, Tier } from './schema.ts';
import { put } from './sheet.ts';
import type { Sheet } from './sheet.ts';

/** Hot rows, sessions and cached lists of one user. 1,000 users then want 4 GB, as a 16 GB machine gives. */
const DATA_MEMORY_BYTES = 4 * MIB;
/** Rows and files of one user until the disk is enlarged. */
const DATA_DISK_BYTES = 32 * MIB;

const RECOMMENDED_USERS = 1000;
const HIGH_USERS = 10_000;

export function tierName(users: number): Tier['name'] {
  if (users >= HIGH_USERS) return 'High performance';
  return users >= RECOMMENDED_USERS ? 'Recommended' : 'Minimum';
}

export interface TierFacts {
  readonly apps: readonly { readonly app: AppDemand; readonly share: AppShare; readonly replicas: number }[];
  /** What MySQL and Redis have together; undefined where there is neither. */
  readonly dataMemoryBytes: number | undefined;
  readonly dataDiskBytes: number;
}

interface Bound {
  readonly users: number;
  readonly limitedBy: Tier['limitedBy'];
  readonly why: string;
}

function bounds(facts: TierFacts): Bound[] {
  const { dataMemoryBytes, dataDiskBytes } = facts;
  const disk: Bound = {
    users: Math.floor(dataDiskBytes / DATA_DISK_BYTES),
    limitedBy: 'disk',
    why: `${formatBytes(dataDiskBytes)} of disk for database and objects hold ${formatBytes(DATA_DISK_BYTES)} a user`,
  };
  const served = facts.apps.flatMap(({ app, share, replicas }) => appBounds(app, share, replicas));
  if (dataMemoryBytes === undefined) return [...served, disk];
  const memory: Bound = {
    users: Math.floor(dataMemoryBytes / DATA_MEMORY_BYTES),
    limitedBy: 'memory',
    why: `${formatBytes(dataMemoryBytes)} for MySQL and Redis keep ${formatBytes(DATA_MEMORY_BYTES)} a user at hand`,
  };
  return [...served, memory, disk];
}

function appBounds(app: AppDemand, share: AppShare, replicas: number): Bound[] {
  const each = app.usersPerReplica;
  if (each === undefined) return [];
  const busy = busyReplicas(app, share);
  return [
    {
      users: Math.floor(each * busy),
      limitedBy: 'cpus',
      why: `${app.name}'s part of the CPU keeps ${Math.floor(busy * 100) / 100} replicas of ${each} users busy`,
    },
    {
      users: Math.floor(each * replicas),
      // An 'auto' service has fewer replicas than the CPU keeps busy only where memory, its own or the
      // database's for connections, held no more.
      limitedBy: app.replicas === 'auto' ? 'memory' : 'replicas',
      why: `${app.name} has ${replicas} replicas of ${each} users`,
    },
  ];
}

export function tierOf(sheet: Sheet, facts: TierFacts): Tier {
  const all = bounds(facts);
  const least = all.reduce((best, bound) => (bound.users < best.users ? bound : best));
  const others = all.filter((bound) => bound !== least).map((bound) => `${bound.why}: ${bound.users}`);
  const why = `An estimate: ${least.why}, and that comes first (${others.join('; ')}).`;
  const users = put(sheet, 'users', least.users, 'users', why);
  const name = tierName(users);
  put(sheet, 'tier', name, 'text', tierReason(users, name));
  return { name, users, limitedBy: least.limitedBy };
}

function tierReason(users: number, name: Tier['name']): string {
  if (name === 'High performance') return `${users} users are ${HIGH_USERS} or more.`;
  if (name === 'Recommended')
    return `${users} users are at least ${RECOMMENDED_USERS}, fewer than ${HIGH_USERS}.`;
  return `${users} users are fewer than the ${RECOMMENDED_USERS} of the next tier.`;
}
