// How clients of the edge were answered in the minutes before the operation began: looked at once, and kept in the
// operation's own folder, so that a daemon that comes back judges by the same.

import { join } from 'node:path';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../../../base/files.ts';
import { messageOf } from '../../../base/errors.ts';
import type { Executor, StepContext } from '../../../journal/index.ts';
import { edgeNetworkOf, readTraffic, Tally, type TallyCounts } from '../../../stack/index.ts';
import { edgeOf } from '../../edge-of.ts';
import { stackRelease } from '../../stack-files.ts';
import { containersOf, placeOf, type DeployTools } from '../../tools.ts';
import { appOf, askAsClient, tallyOf } from './own-client.ts';
import { pointFolder } from '../../points.ts';

const MINUTES_BEFORE = 5;
const ASK_FOR_MS = 4_000;
const FILE = 'baseline.json';

export interface Baseline {
  /** Requests of clients. */
  readonly people: Tally;
  /** Onstead's own. */
  readonly own: Tally;
}

export function takeBaselineStep(tools: DeployTools): Executor<{ readonly project: string }> {
  return {
    async holds(_input, { operation }) {
      return (await readTextIfAny(fileOf(tools, operation))) !== undefined;
    },
    async apply({ project }, context) {
      const baseline: Baseline = {
        people: await peopleBefore(tools, context),
        own: await ownNow(tools, project, context),
      };
      await ensureFolder(pointFolder(tools, context.operation));
      await writeFileAtomic(fileOf(tools, context.operation), JSON.stringify(baseline));
      const { requests } = baseline.people;
      return `${Math.round(requests).toLocaleString('en-US')} requests in the ${MINUTES_BEFORE} minutes before`;
    },
  };
}

/** Empty where nothing was kept: then nothing is known of before. */
export async function readBaseline(tools: DeployTools, operation: string): Promise<Baseline> {
  const text = await readTextIfAny(fileOf(tools, operation));
  if (text === undefined) return { people: new Tally(), own: new Tally() };
  const { people, own } = JSON.parse(text) as { people: TallyCounts; own: TallyCounts }; // written above
  return { people: new Tally(people), own: new Tally(own) };
}

function fileOf(tools: DeployTools, operation: string): string {
  return join(pointFolder(tools, operation), FILE);
}

/** Before the operation itself began to load images and to use the disk. */
async function peopleBefore(tools: DeployTools, { operation, signal, note }: StepContext): Promise<Tally> {
  const begun = tools.journal.get(operation).startedAt;
  const until = begun === null ? tools.clock.now() : new Date(begun);
  const since = new Date(until.getTime() - MINUTES_BEFORE * 60_000);
  try {
    return (await readTraffic(await edgeOf(tools), { since, until }, signal)).tally();
  } catch (error) {
    signal.throwIfAborted();
    note(`How clients were answered before cannot be seen: ${messageOf(error)}`);
    return new Tally();
  }
}

async function ownNow(tools: DeployTools, project: string, { signal, note }: StepContext): Promise<Tally> {
  try {
    const release = await stackRelease(tools);
    const running = (await containersOf(tools, project, appOf(release)?.name ?? 'app')).filter(
      ({ status }) => status === 'running',
    );
    const replicas = await Promise.all(
      running.map(async ({ id, name }) => ({
        name,
        address: (await placeOf(tools, id, edgeNetworkOf(project))).address,
      })),
    );
    return tallyOf(await askAsClient(tools, { project, release, replicas }, ASK_FOR_MS, signal));
  } catch (error) {
    signal.throwIfAborted();
    note(`How the stack answers now cannot be asked: ${messageOf(error)}`);
    return new Tally();
  }
}
