// Data services that do not answer when an upgrade or a rollback is planned: how they are, what brings them up, and what
// follows for the operation if nobody does. The words are pure.

import type { ReleaseService } from '../../../release/index.ts';
import { containersOf, type DeployTools } from '../../tools.ts';
import { isDataService, type DataService } from '../data/plan.ts';

export interface DownService {
  readonly service: string;
  readonly role: DataService['role'];
  readonly how: 'missing' | 'stopped' | 'paused' | 'starting' | 'ill';
}

export async function downServices(
  tools: DeployTools,
  project: string,
  services: readonly ReleaseService[],
): Promise<DownService[]> {
  const down: DownService[] = [];
  for (const { name: service, role } of services.filter(isDataService)) {
    const how = howOf(await containersOf(tools, project, service));
    if (how !== undefined) down.push({ service, role, how });
  }
  return down;
}

type Seen = { readonly status: string; readonly health: string };

/** Undefined where it is well. */
export function howOf(containers: readonly Seen[]): DownService['how'] | undefined {
  const [one] = containers.toSorted((left, right) => rank(left) - rank(right));
  if (one === undefined) return 'missing';
  if (one.status === 'paused') return 'paused';
  if (one.status !== 'running') return 'stopped';
  if (one.health === 'starting') return 'starting';
  return one.health === 'unhealthy' ? 'ill' : undefined;
}

function rank({ status, health }: Seen): number {
  return Number(status !== 'running') * 2 + Number(health !== 'healthy');
}

const HOW = {
  missing: 'has no container',
  stopped: 'is stopped',
  paused: 'is paused',
  starting: 'is just starting',
  ill: 'runs and does not answer',
} as const;

export function downBeforeUpgrade(down: DownService, changed: readonly string[]): string {
  const { service, role } = down;
  if (role === 'redis') {
    const then = changed.includes(service)
      ? 'Else it is started before it is replaced'
      : 'An upgrade leaves it as it is: an app that needs it does not become ready without, and then all is taken back';
    return `${inWords(down)} ${then}.`;
  }
  const copy = role === 'mysql' ? ' How much its copy takes is not known before.' : '';
  return (
    `${inWords(down)} Else the upgrade begins by bringing it up, for its data is kept first; if it is not well within 5 ` +
    `minutes, nothing is changed. Until then whatever needs it fails.${copy}`
  );
}

/** What becomes of its data is said where what was written since is. */
export function downBeforeRollback(down: DownService): string {
  return `${inWords(down)} Else what was written to it since is not counted, and the rollback brings it up as the older release had it.`;
}

function inWords({ service, how }: DownService): string {
  const state = `${service} ${HOW[how]}`;
  if (how === 'starting') return `${state}: give the command again in a moment.`;
  if (how === 'paused') return `${state}; let it go on with \`docker unpause\`.`;
  if (how === 'ill') return `${state}; see why with \`onstead logs ${service}\`.`;
  return `${state}; start it with \`onstead boot\`.`;
}
