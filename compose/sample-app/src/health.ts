// Is the app well, and may it take traffic? Each question has its own time limit.

export type Status = 'healthy' | 'degraded' | 'unhealthy';

export interface Check {
  readonly status: 'up' | 'down';
  readonly ms: number;
  readonly error?: string;
}

export interface Health {
  readonly status: Status;
  readonly checks: Readonly<Record<'database' | 'redis' | 'storage', Check>>;
}

export type Probe = (signal: AbortSignal) => Promise<void>;

const HEALTH_LIMIT_MS = 5_000;
// Each check ends before the whole does, so that the answer can still name the slow one.
const CHECK_LIMIT_MS = HEALTH_LIMIT_MS - 500;

export async function check(probe: Probe, limitMs = CHECK_LIMIT_MS): Promise<Check> {
  const startedMs = performance.now();
  const ms = (): number => Math.round(performance.now() - startedMs);
  try {
    await withLimit(probe, limitMs);
    return { status: 'up', ms: ms() };
  } catch (error) {
    return { status: 'down', ms: ms(), error: causeOf(error) };
  }
}

async function withLimit(probe: Probe, limitMs: number): Promise<void> {
  const signal = AbortSignal.timeout(limitMs);
  await Promise.race([
    probe(signal),
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error(`no answer within ${limitMs} ms`)), {
        once: true,
      });
    }),
  ]);
}

/** A short cause without addresses or accounts: this answer may be seen by anyone. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== undefined) return code;
  return error.message.startsWith('no answer') ? error.message : error.name;
}

export async function checkHealth(probes: Record<'database' | 'redis' | 'storage', Probe>): Promise<Health> {
  const [database, redis, storage] = await Promise.all([
    check(probes.database),
    check(probes.redis),
    check(probes.storage),
  ]);
  return { status: statusOf(database, redis, storage), checks: { database, redis, storage } };
}

function statusOf(database: Check, redis: Check, storage: Check): Status {
  if (database.status === 'down') return 'unhealthy';
  return redis.status === 'up' && storage.status === 'up' ? 'healthy' : 'degraded';
}
