// The composition root: builds every room, hands each what it needs, starts, stops. Nothing else makes a room.

import { chmod, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { schedule } from 'node-cron';
import { buildServer, createAppliance } from './api/index.ts';
import { systemClock, type Clock } from './base/clock.ts';
import { OnsteadError } from './base/errors.ts';
import { ensureFolder } from './base/files.ts';
import { createLogger, type Logger } from './base/log.ts';
import { endOrphans, ownerMark } from './base/orphans.ts';
import type { Paths } from './base/paths.ts';
import {
  BundleShelf,
  installExecutors,
  type DeployTools,
  noticeMachineChange,
  renewCertificate,
} from './deploy/index.ts';
import { connectEngine, isRetryable, openCompose, type Engine } from './engine/index.ts';
import { isOver, Journal, openDatabase, Runner, type Fault } from './journal/index.ts';
import { detectMachineApart } from './machine/index.ts';
import {
  keepStackUp,
  raiseStack,
  readSettings,
  readStackRelease,
  reopenSecrets,
  SecretStore,
} from './stack/index.ts';

export interface DaemonOptions {
  readonly paths: Paths;
  readonly composeBinary?: string;
  readonly dockerHost?: string;
  readonly logLevel?: string;
  /** How long a step waits for an engine that went away before a person has to look. Default 5 min. */
  readonly engineWaitMs?: number;
  /** Ends the process at a named point, for tests of what comes after. */
  readonly fault?: Fault;
}

export interface Daemon {
  stop(): Promise<void>;
}

const EVENTS_KEPT_DAYS = 400;
const DAY_MS = 86_400_000;

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { paths } = options;
  const clock = systemClock;
  const log = createLogger(options.logLevel);
  const settings = await readSettings(paths.settings);
  await ensureFolder(paths.state, 0o700);
  await claimSocket(paths.socket); // before the journal: a second daemon must not touch the first one's
  const db = openDatabase(paths.database);
  await endOrphans(paths.state);

  const journal = new Journal(db, clock);
  const tools: DeployTools = {
    journal,
    paths,
    clock,
    log,
    settings: () => settings,
    secrets: await SecretStore.open({ folder: paths.secrets, machineKeyPath: paths.machineKey, clock }),
    bundles: new BundleShelf(paths.trust),
    engine: rememberEngine(options),
    compose: async () =>
      openCompose({
        folder: paths.stack,
        env: ownerMark(paths.state),
        ...(options.composeBinary === undefined ? {} : { composeBinary: options.composeBinary }),
        ...(options.dockerHost === undefined ? {} : { dockerHost: options.dockerHost }),
      }),
    machine: () =>
      detectMachineApart({ root: paths.root, ports: [settings.edge.httpPort, settings.edge.httpsPort] }),
  };
  const runner = new Runner({
    journal,
    executors: installExecutors(tools),
    clock,
    log,
    isWorthWaiting: isRetryable,
    ...(options.engineWaitMs === undefined ? {} : { waitLimitMs: options.engineWaitMs }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
  });
  const server = buildServer(createAppliance(tools, runner), log);
  await server.listen({ path: paths.socket });
  await chmod(paths.socket, 0o600);
  const resumed = runner.resumeAll();
  log.info({ socket: paths.socket, resumed }, 'ready');
  const stopping = new AbortController();
  const keptUp = keepStackUp({
    engine: tools.engine,
    raise: async () => {
      // An operation sees to its services by itself.
      if (isIdle(journal)) await bringUp(tools, stopping.signal);
    },
    onTrouble: (error) => log.warn({ err: error }, 'the stack could not be brought up'),
    isWorthWaiting: isRetryable,
    signal: stopping.signal,
  });

  const giveBack = (): unknown => setTimeout(giveBackMemory, 1_000).unref();
  giveBack();
  const stopListening = journal.listen(({ type, operation }) => {
    if (type === 'operation' && isOver(journal.get(operation).state)) giveBack();
  });
  const looksAfter = (): Promise<void> =>
    lookAfter(tools).catch((error: unknown) => log.warn({ err: error }, 'upkeep'));
  void looksAfter();
  const upkeep = schedule('17 3 * * *', looksAfter);
  return {
    async stop() {
      await upkeep.destroy();
      stopListening();
      stopping.abort();
      await keptUp;
      await runner.stop();
      await server.close();
      await tools.bundles.close();
      db.close();
      log.info('stopped');
    },
  };
}

/** After a reboot the secrets are shut and containers may be down; an operation would see to that by itself. */
async function bringUp({ paths, clock, compose, log }: DeployTools, signal: AbortSignal): Promise<void> {
  const release = await readStackRelease(paths);
  if (release === undefined) return;
  const reopened = await reopenSecrets(paths, release, clock);
  const changes = await raiseStack(await compose(), signal);
  if (reopened || changes > 0) log.info({ reopened, changes }, 'the stack was brought up');
}

/** What a start or an operation needed for moments would stay for months: V8 collects nothing in an idle process. */
function giveBackMemory(): void {
  // The launcher allows it; without it memory is merely not small.
  (globalThis.gc as ((options: object) => void) | undefined)?.({ type: 'major', flavor: 'last-resort' });
}

/** Nothing is under way. One that is stuck waits for a person, and the stack must not wait with it. */
function isIdle(journal: Journal): boolean {
  return journal.unfinished().every(({ state }) => state === 'stuck');
}

/** Once at the start and once a night. */
async function lookAfter(tools: DeployTools): Promise<void> {
  const { journal, clock, log } = tools;
  forgetOldEvents(journal, clock, log);
  await noticeMachineChange(tools);
  if (isIdle(journal) && (await renewCertificate(tools))) log.info('the certificate was renewed');
}

function forgetOldEvents(journal: Journal, clock: Clock, log: Logger): void {
  const forgotten = journal.forgetEventsBefore(new Date(clock.now().getTime() - EVENTS_KEPT_DAYS * DAY_MS));
  log.info({ forgotten }, 'old events dropped');
}

/** Connects at the first use and keeps the connection until a call says that the engine is gone. */
function rememberEngine({ dockerHost }: DaemonOptions): () => Promise<Engine> {
  let known: Promise<Engine> | undefined;
  return () => {
    known ??= connectEngine(dockerHost === undefined ? {} : { dockerHost }).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

/** One daemon a state folder: a socket that answers is somebody else's, one that does not is left over. */
async function claimSocket(path: string): Promise<void> {
  await ensureFolder(dirname(path));
  if (await answers(path)) {
    throw new OnsteadError('daemon.running', `Another Onstead daemon answers at ${path}.`, {
      next: 'Stop it first: `systemctl stop onstead`.',
    });
  }
  await rm(path, { force: true });
}

async function answers(path: string): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
