// What Onstead and its data take of the disk, beside what the customer allows (`limits.disk`): looked at seldom, for it means
// going through all files, and told wherever disk is told. Images are the engine's, and shared: they are not counted.

import { run } from '../base/process.ts';
import { formatBytes } from '../base/units.ts';
import { volumeLabels } from '../stack/index.ts';
import { clearFact, readFact, writeFact, type DiskUse } from './facts.ts';
import type { DeployTools } from './tools.ts';

const COUNTED_WITHIN_MS = 60 * 60_000;
/** From this part of the limit on it is told. */
const NEARLY = 0.9;

/** Nothing is looked at where nothing is limited. */
export async function noticeDiskUse(tools: DeployTools, signal: AbortSignal): Promise<void> {
  const { clock, journal, settings, paths } = tools;
  const project = readFact(journal, 'installed')?.project;
  if (project === undefined || settings().limits.diskBytes === undefined) {
    return clearFact(journal, 'diskUse');
  }
  const engine = await tools.engine();
  const volumes = await engine.volumes.list({ labels: [`${volumeLabels.project}=${project}`] });
  const bytes = await bytesIn([paths.state, ...volumes.map(({ mountpoint }) => mountpoint)], signal);
  writeFact(journal, 'diskUse', { bytes, at: clock.now().toISOString() });
}

/** Whatever goes while it is counted was there and is not: that is no error. */
async function bytesIn(folders: readonly string[], signal: AbortSignal): Promise<number> {
  const words = ['-n', '19', 'du', '--summarize', '--total', '--block-size=1', '--', ...folders];
  const { stdout } = await run('nice', words, { timeoutMs: COUNTED_WITHIN_MS, signal, accept: [0, 1] });
  return Number(/^(\d+)\s+total$/m.exec(stdout)?.[1] ?? 0);
}

type Known = Pick<DeployTools, 'journal' | 'settings'>;

/** In a sentence, where the limit is nearly reached or passed. */
export function diskNearLimit({ journal, settings }: Known): string | undefined {
  const [use, limit] = [readFact(journal, 'diskUse'), settings().limits.diskBytes];
  if (use === undefined || limit === undefined || use.bytes < limit * NEARLY) return undefined;
  return `${takenInWords(use, limit)}; nothing enforces it.`;
}

/** The same where so much more is needed, and there is less left of the limit. */
export function diskBeyondLimit({ journal, settings }: Known, neededBytes: number): string | undefined {
  const [use, limit] = [readFact(journal, 'diskUse'), settings().limits.diskBytes];
  if (use === undefined || limit === undefined || use.bytes + neededBytes <= limit) return undefined;
  return `${takenInWords(use, limit)}, and this needs ${formatBytes(neededBytes)} more; nothing enforces the limit.`;
}

function takenInWords({ bytes, at }: DiskUse, limit: number): string {
  const when = `${at.slice(0, 16).replace('T', ' ')} UTC`;
  return `Data and Onstead's own files take ${formatBytes(bytes)} of the ${formatBytes(limit)} that limits.disk allows (as of ${when}, without images)`;
}
