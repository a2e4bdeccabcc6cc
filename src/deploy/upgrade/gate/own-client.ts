// Onstead as a client of the stack: the vendor's smoke checks and the ready path through the edge, and each replica of
// the app for itself. It asks from inside the edge's network, so that its requests are not taken for those of people.

import { askWorker } from '../../../base/worker.ts';
import type { AppService, Release } from '../../../release/index.ts';
import { certificateSecrets, edgeNetworkOf, holderName, Tally } from '../../../stack/index.ts';
import type { ClientQuestion, ClientSample, ClientTarget } from '../../client-question.ts';
import { containersOf, placeOf, type DeployTools } from '../../tools.ts';

const EVERY_MS = 150;
const MORE_THAN_ASKED_MS = 30_000;
const EDGE = 'edge';

export interface AskedReplica {
  readonly name: string;
  readonly address: string;
}

/** The app that stands behind the edge; every release has one. */
export function appOf({ services }: Release): AppService | undefined {
  return services.find((one): one is AppService => one.role === 'app');
}

/** Asks for a while, gently, and answers with everything that it was told. */
export async function askAsClient(
  tools: DeployTools,
  { project, release, replicas }: { project: string; release: Release; replicas: readonly AskedReplica[] },
  forMs: number,
  signal: AbortSignal,
): Promise<ClientSample[]> {
  return askFor(tools, project, { targets: targetsOf(release, replicas), forMs }, signal);
}

/** Each of these about once. On a busy machine some may be left out. */
export function askFromEdge(
  tools: DeployTools,
  project: string,
  targets: readonly ClientTarget[],
  signal: AbortSignal,
): Promise<ClientSample[]> {
  return askFor(tools, project, { targets, forMs: EVERY_MS * targets.length }, signal);
}

async function askFor(
  tools: DeployTools,
  project: string,
  { targets, forMs }: Pick<ClientQuestion, 'targets' | 'forMs'>,
  signal: AbortSignal,
): Promise<ClientSample[]> {
  const [holder] = await containersOf(tools, project, holderName);
  const { networkOfPid } = await placeOf(tools, holder?.id ?? holderName, edgeNetworkOf(project));
  const question: ClientQuestion = {
    ...{ targets, forMs, everyMs: EVERY_MS },
    authority: tools.secrets.get(certificateSecrets.authority),
  };
  return askWorker<ClientQuestion, ClientSample[]>(import.meta.url, '../../workers/client-worker', question, {
    networkOfPid,
    signal,
    timeoutMs: forMs + MORE_THAN_ASKED_MS,
  });
}

/** Every other question goes through the edge. */
function targetsOf(release: Release, replicas: readonly AskedReplica[]): ClientTarget[] {
  const app = appOf(release);
  const readyPath = app?.ready ?? '/';
  const checks = [{ path: readyPath, status: 200 }, ...release.smoke].map(
    ({ path, ...expected }): ClientTarget => ({ key: EDGE, url: `https://127.0.0.1${path}`, ...expected }),
  );
  const direct = replicas.map(({ name, address }): ClientTarget => ({
    key: name,
    url: `http://${address}:${app?.port ?? 80}${readyPath}`,
    status: 200,
  }));
  const turns = Math.max(checks.length, direct.length);
  const turn = (all: readonly ClientTarget[], at: number): ClientTarget[] =>
    all.length === 0 ? [] : [all[at % all.length]!];
  return Array.from({ length: turns }, (_, at) => [...turn(checks, at), ...turn(direct, at)]).flat();
}

export function tallyOf(samples: readonly ClientSample[]): Tally {
  const tally = new Tally();
  for (const { complaint, ms } of samples) tally.add({ isFailed: complaint !== undefined, ms });
  return tally;
}

/** How many of the newest answers of a replica in a row did not say that it is ready. */
export function notReadyInARow(samples: readonly ClientSample[], replica: string): number {
  const own = samples.filter(({ key }) => key === replica);
  const newestGood = own.findLastIndex(({ complaint }) => complaint === undefined);
  return own.length - 1 - newestGood;
}
