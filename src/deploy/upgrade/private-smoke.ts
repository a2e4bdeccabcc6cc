// The vendor's smoke checks asked of each new replica by itself, at an address that only the edge reaches. Nobody is sent
// to one that has not passed them.

import { OnsteadError } from '../../base/errors.ts';
import type { ContainerSummary } from '../../engine/index.ts';
import type { StepContext } from '../../journal/index.ts';
import type { Release } from '../../release/index.ts';
import { edgeNetworkOf, namedServers } from '../../stack/index.ts';
import type { ClientTarget } from '../client-question.ts';
import { edgeOf } from '../edge-of.ts';
import { stackRelease } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';
import { serversAt } from './edge-servers.ts';
import { askFromEdge } from './gate/own-client.ts';
import type { Asked } from './ready.ts';

/** It says already that it is ready. */
const PASS_WITHIN_MS = 20_000;
const BETWEEN_MS = 500;

/** Those that the edge names already have been tried, and their clients tell how they do. */
export async function tryUnasked(
  tools: DeployTools,
  input: Asked,
  replicas: readonly ContainerSummary[],
  context: StepContext,
): Promise<void> {
  if (input.ready === null) return;
  const { port } = input.ready;
  const named = await namedServers(await edgeOf(tools));
  const network = edgeNetworkOf(input.project);
  const release = await stackRelease(tools);
  const targets = replicas.flatMap((replica) =>
    serversAt(network, [replica], { port, weight: 1 })
      .filter((one) => !named.some(({ address }) => address === one.address))
      .flatMap(({ address }) => targetsOf(release, replica.name, `http://${address}:${port}`)),
  );
  if (targets.length > 0) await passAll(tools, input, targets, context);
}

/** Each check is another target: a replica passes when it has passed every one of them. */
function targetsOf({ smoke }: Release, replica: string, origin: string): ClientTarget[] {
  return smoke.map(({ path, ...expected }) => ({
    key: `${replica}: ${path}`,
    url: `${origin}${path}`,
    ...expected,
  }));
}

async function passAll(
  tools: DeployTools,
  { project, readyWithinMs }: Asked,
  targets: readonly ClientTarget[],
  { signal }: StepContext,
): Promise<void> {
  const giveUpAtMs = tools.clock.monotonicMs() + Math.min(readyWithinMs, PASS_WITHIN_MS);
  let left = targets;
  for (;;) {
    const samples = await askFromEdge(tools, project, left, signal);
    const passed = new Set(samples.flatMap(({ key, complaint }) => (complaint === undefined ? [key] : [])));
    left = left.filter(({ key }) => !passed.has(key));
    if (left.length === 0) return;
    const bad = samples.find(({ key, complaint }) => complaint !== undefined && !passed.has(key));
    if (bad !== undefined && tools.clock.monotonicMs() > giveUpAtMs) {
      throw failed(bad.key, tools.secrets.mask(bad.complaint!)); // it was found by its complaint
    }
    await tools.clock.sleep(BETWEEN_MS, signal);
  }
}

function failed(what: string, complaint: string): OnsteadError {
  return new OnsteadError(
    'operation.smoke-failed',
    `A new replica failed the vendor's smoke test before anybody was sent to it (${what}): ${complaint}.`,
    { next: 'Everything is taken back. Send the output of `onstead operations show` to the vendor.' },
  );
}
