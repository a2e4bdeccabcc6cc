// What a way back took out of the application and kept: a report of each, the volumes and files that it names. It is
// there until a person removes it, or an upgrade or a rollback has succeeded.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OnsteadError, systemCode } from '../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { lockStack, measureVolume } from '../stack/index.ts';
import { volumeNameOf } from './current-volumes.ts';
import { readFact } from './facts.ts';
import { heldData } from './holders.ts';
import { lossInShort } from './loss-words.ts';
import type { PointLoss } from './point-loss.ts';
import type { SetAside } from './set-aside-schema.ts';
import type { DeployTools } from './tools.ts';

const REPORT = 'report.json';
/** It is as much in the way as a rollback would be. */
const CHANGE = { kind: 'rollback' };

type Where = Pick<DeployTools, 'paths'>;

export interface AsideReport {
  readonly operation: string;
  readonly setAsideAt: string;
  /** Null where nobody counted. */
  readonly loss: PointLoss | null;
  /** The release's name of a volume → the engine's. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

export function asideFolder({ paths }: Where, name: string): string {
  return join(paths.setAside, name);
}

/** From then on it counts as set aside. */
export async function writeAsideReport(where: Where, name: string, report: AsideReport): Promise<void> {
  await ensureFolder(asideFolder(where, name), 0o700);
  await writeFileAtomic(join(asideFolder(where, name), REPORT), `${JSON.stringify(report, null, 1)}\n`);
}

export async function hasAsideReport(where: Where, name: string): Promise<boolean> {
  return (await readReport(where, name)) !== undefined;
}

/** The newest first. */
export async function listSetAside(tools: DeployTools): Promise<SetAside[]> {
  const names = await namesOf(tools);
  const found = await Promise.all(names.map((name) => lookAt(tools, name)));
  return found.flatMap((one) => one ?? []).toSorted((left, right) => right.at.localeCompare(left.at));
}

/** Refused while an operation is not over: its way back may need it. Returns what it was. */
export async function removeSetAside(tools: DeployTools, id: string, signal: AbortSignal): Promise<SetAside> {
  const remove = async (): Promise<SetAside> => {
    tools.journal.refuseBusy(CHANGE);
    const found = (await listSetAside(tools)).find((one) => one.id === id);
    if (found === undefined) throw unknown(id);
    const engine = await tools.engine();
    for (const { name } of found.volumes) await engine.volumes.remove(name);
    await rm(asideFolder(tools, id), { recursive: true, force: true });
    return found;
  };
  tools.journal.refuseBusy(CHANGE); // nobody wants to wait for its end
  return lockStack(tools.paths, remove, { signal });
}

async function lookAt(tools: DeployTools, id: string): Promise<SetAside | undefined> {
  const report = await readReport(tools, id);
  if (report === undefined) return undefined; // it was not set aside to its end
  const { operation, setAsideAt: at, loss } = report;
  const volumes = await measured(await unusedOf(tools, report), async (name) =>
    measureVolume(await tools.engine(), name),
  );
  const files = await measured(report.files, async (path) => (await stat(path)).size);
  const bytes = [...volumes, ...files].reduce((sum, one) => sum + one.bytes, 0);
  return {
    ...{ id, operation, at, bytes },
    what: loss === null ? null : (lossInShort(loss) ?? null),
    volumes: volumes.map(({ of: name, bytes: size }) => ({ name, bytes: size })),
    files: files.map(({ of: path, bytes: size }) => ({ path, bytes: size })),
  };
}

/** What is named once may be the data of now again, or what a point leads back to: then it is not set aside. */
async function unusedOf(tools: DeployTools, { volumes }: AsideReport): Promise<string[]> {
  const project = readFact(tools.journal, 'installed')?.project ?? '';
  const { volumes: kept } = await heldData(tools, project);
  const engine = await tools.engine();
  const unused = Object.entries(volumes).filter(
    ([key, name]) => name !== volumeNameOf(tools.journal, project, key) && !kept.includes(name),
  );
  const there = await Promise.all(unused.map(async ([, name]) => engine.volumes.inspect(name)));
  return there.flatMap((one) => one?.name ?? []);
}

async function measured(
  names: readonly string[],
  measure: (name: string) => Promise<number>,
): Promise<{ readonly of: string; readonly bytes: number }[]> {
  return Promise.all(names.map(async (of) => ({ of, bytes: await measure(of).catch(() => 0) })));
}

async function namesOf({ paths }: Where): Promise<string[]> {
  try {
    return await readdir(paths.setAside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readReport(where: Where, name: string): Promise<AsideReport | undefined> {
  const text = await readTextIfAny(join(asideFolder(where, name), REPORT));
  return text === undefined ? undefined : (JSON.parse(text) as AsideReport); // written above
}

function unknown(id: string): OnsteadError {
  return new OnsteadError('points.unknown', `Nothing is set aside as "${id}".`, {
    next: 'See what there is with `onstead set-aside`.',
  });
}
