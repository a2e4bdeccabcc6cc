// What changes between two plans, for people who are asked whether it shall: each number with its new reason
// and with what must start anew for it.

import type { Change, Reason, ServiceSize, SizingPlan, Value } from './schema.ts';

/** How a changed number takes effect. What is not named here needs its container to start anew. */
const APPLY: Record<string, Change['apply']> = {
  // The engine changes limits of running containers.
  memoryLimitBytes: 'live',
  memoryReservationBytes: 'live',
  cpuLimit: 'live',
  cpuReservation: 'live',
  // Replicas are added and drained one at a time.
  replicas: 'live',
  innodb_buffer_pool_size: 'live',
  innodb_redo_log_capacity: 'live',
  innodb_log_buffer_size: 'live',
  innodb_io_capacity: 'live',
  innodb_io_capacity_max: 'live',
  innodb_flush_neighbors: 'live',
  max_connections: 'live',
  table_open_cache: 'live',
  table_definition_cache: 'live',
  temptable_max_ram: 'live',
  tmp_table_size: 'live',
  maxmemory: 'live',
  'maxmemory-policy': 'live',
  worker_processes: 'reload',
  worker_connections: 'reload',
  worker_rlimit_nofile: 'reload',
  innodb_buffer_pool_chunk_size: 'restart',
  innodb_buffer_pool_instances: 'restart',
  'io-threads': 'restart',
  GOMEMLIMIT: 'restart',
  databaseConnections: 'restart',
};

/** Reserves, disk and machine are budgets: they change on paper, and nothing runs in them. */
const ON_PAPER: Change['apply'] = 'live';

export function explainDifference(before: SizingPlan, after: SizingPlan): Change[] {
  const old = byPlace(before.reasons);
  const running = new Set([...before.services, ...after.services].flatMap(placesOf));
  const changes: Change[] = [];
  for (const [where, reason] of byPlace(after.reasons)) {
    const was = old.get(where);
    old.delete(where);
    if (was?.value === reason.value) continue;
    changes.push(change(reason, was?.value ?? null, reason.value, reason.why, running));
  }
  for (const gone of old.values()) {
    changes.push(change(gone, gone.value, null, 'The release no longer has it.', running));
  }
  return changes;
}

/** Also a new or removed service "restarts": its containers are created or removed. */
function change(
  { service, key, unit }: Reason,
  before: Value | null,
  after: Value | null,
  why: string,
  running: ReadonlySet<string>,
): Change {
  const lasting = before !== null && after !== null;
  const runs = running.has(place(service, key));
  const apply = !runs ? ON_PAPER : lasting ? (APPLY[key] ?? 'restart') : 'restart';
  return { service, key, unit, before, after, why, apply };
}

function byPlace(reasons: readonly Reason[]): Map<string, Reason> {
  return new Map(reasons.map((reason) => [place(reason.service, reason.key), reason]));
}

function place(service: string, key: string): string {
  return `${service}\n${key}`;
}

/** A vendor may call a service "disk": only what stands in the service itself runs. */
function placesOf(service: ServiceSize): string[] {
  return [...Object.keys(service), ...Object.keys(service.settings)].map((key) => place(service.name, key));
}
