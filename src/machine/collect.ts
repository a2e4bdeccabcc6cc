// Collectors look and write files; nothing is judged here. One that fails or hangs writes why and stops no other.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OnsteadError, messageOf } from '../base/errors.ts';
import { ensureFolder } from '../base/files.ts';
import { pathsUnder } from '../base/paths.ts';
import { collectClock } from './collectors/clock.ts';
import type { CollectContext, Collector } from './collectors/context.ts';
import { collectCpu } from './collectors/cpu.ts';
import { collectDisks } from './collectors/disks.ts';
import { collectEngine } from './collectors/engine.ts';
import { collectCgroup, collectKernel, collectLimits } from './collectors/kernel.ts';
import { collectMemory } from './collectors/memory.ts';
import { collectFirewall, collectNetwork } from './collectors/network.ts';
import { collectOs } from './collectors/os.ts';
import { collectPaths } from './collectors/paths.ts';
import { collectPorts } from './collectors/ports.ts';
import { readEngine, type EngineAnswer } from './engine-socket.ts';
import { FACT_NAMES, type EngineFacts, type FactName, type FactsFile, type MachineFacts } from './facts.ts';
import { readFacts } from './facts-folder.ts';
import { createSource } from './source.ts';

export const COLLECTORS: { readonly [N in FactName]: Collector<N> } = {
  cpu: collectCpu,
  memory: collectMemory,
  disks: collectDisks,
  network: collectNetwork,
  firewall: collectFirewall,
  os: collectOs,
  cgroup: collectCgroup,
  clock: collectClock,
  limits: collectLimits,
  kernel: collectKernel,
  ports: collectPorts,
  paths: collectPaths,
  engine: collectEngine,
};

export interface CollectOptions {
  /** The root of the appliance's folders, as in `pathsUnder`. Default: `/`. */
  readonly root?: string;
  /** The ports that the edge publishes. Default: 80 and 443. */
  readonly ports?: readonly number[];
  readonly engineSocket?: string;
  /** For each collector alone. Default: 3.5 s. */
  readonly timeoutMs?: number;
  /** Another folder to look at in place of `/`. For tests. */
  readonly lookUnder?: string;
  /** Replaces collectors of the same name. For tests. */
  readonly collectors?: Partial<{ readonly [N in FactName]: Collector<N> }>;
}

const DEFAULT_SOCKET = '/var/run/docker.sock';

/** Writes `cpu.json`, `memory.json`, … into `folder`, one for each collector. */
export async function collectFacts(folder: string, options: CollectOptions = {}): Promise<void> {
  await ensureFolder(folder, 0o700);
  const context = contextFrom(options);
  await Promise.all(
    FACT_NAMES.map(async (name) => {
      const file = await collectOne(name, context, options);
      await writeFile(join(folder, `${name}.json`), `${JSON.stringify(file, null, 2)}\n`);
    }),
  );
}

/** Collects into a temporary folder, reads it, removes it. */
export async function detectMachine(options: CollectOptions = {}): Promise<MachineFacts> {
  const folder = await temporaryFolder();
  try {
    await collectFacts(folder, options);
    return await readFacts(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Facts are a few kilobytes; a full or read-only /tmp must not keep anybody from hearing about it. */
async function temporaryFolder(): Promise<string> {
  let reason: unknown;
  for (const parent of [tmpdir(), '/dev/shm', '/run']) {
    try {
      return await mkdtemp(join(parent, 'onstead-facts-'));
    } catch (error) {
      reason ??= error;
    }
  }
  throw new OnsteadError('facts.folder', `No temporary folder can be made: ${messageOf(reason)}.`, {
    next: 'Make room in /tmp, or set TMPDIR to a folder that can be written.',
    cause: reason,
  });
}

function contextFrom(options: CollectOptions): CollectContext {
  const paths = pathsUnder(options.root);
  const socket = options.engineSocket ?? DEFAULT_SOCKET;
  let asked: Promise<EngineAnswer> | undefined;
  const engine = async (): Promise<EngineFacts> => ({
    ...(await (asked ??= readEngine(socket, paths.state))),
    redirects: [],
    cli: null,
    compose: null,
    oldCompose: null,
  });
  return { paths, ports: options.ports ?? [80, 443], engine };
}

async function collectOne(
  name: FactName,
  context: CollectContext,
  options: CollectOptions,
): Promise<FactsFile> {
  const { timeoutMs = 3_500 } = options;
  const started = performance.now();
  const tookMs = (): number => Math.round(performance.now() - started);
  const abort = new AbortController();
  const source = createSource(options.lookUnder, abort.signal);
  const collect = options.collectors?.[name] ?? COLLECTORS[name];
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${timeoutMs} ms`)), timeoutMs);
    });
    // An async wrapper, so that a collector that throws at once is isolated as well.
    const facts = await Promise.race([(async () => collect(source, context))(), late]);
    return { facts, unseen: [...source.unseen], tookMs: tookMs() };
  } catch (error) {
    abort.abort();
    return { error: messageOf(error), tookMs: tookMs() };
  } finally {
    clearTimeout(timer);
  }
}
