// The composition root: builds every room, hands each what it needs, starts, stops. Nothing else makes a room.

import { chmod, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { buildServer, createAppliance } from './api/index.ts';
import { systemClock, type Clock } from './base/clock.ts';
import { OnsteadError } from './base/errors.ts';
import { ensureFolder } from './base/files.ts';
import { createLogger, type Logger } from './base/log.ts';
import { tryLock, type Lock } from './base/lock.ts';
import { ownerMark } from './base/orphans.ts';
import type { Paths } from './base/paths.ts';
import { schedule } from './base/schedule.ts';
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
  holdStack,
  keepStackUp,
  markChanging,
  markWhole,
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
  const alone = claimState(paths); // before the journal: a second daemon must not touch the first one's
  await rm(paths.socket, { force: true });
  await ensureFolder(dirname(paths.socket));
  const db = openDatabase(paths.database);

  const journal = new Journal(db, clock, { mask: (text) => tools.secrets.mask(text) });
  const secrets = await SecretStore.open({
    folder: paths.secrets,
    machineKeyPath: paths.machineKey,
    clock,
  });
  log.maskWith((text) => secrets.mask(text));
  const tools: DeployTools = {
    journal,
    paths,
    clock,
    log,
    settings: () => settings,
    secrets,
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
  const stopping = new AbortController();
  const runner = new Runner({
    journal,
    exclusively: (operation, work) =>
      holdStack(paths, () => changeStack(tools, operation, work), { signal: stopping.signal }),
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
  const { signal } = stopping;
  const keptUp = keepStackUp({
    engine: tools.engine,
    // Waits for an operation that is under way: that sees to its services by itself.
    raise: () => holdStack(paths, () => bringUp(tools, signal), { signal }),
    onTrouble: (error) => log.warn({ err: error }, 'the stack could not be brought up'),
    isWorthWaiting: isRetryable,
    signal,
  });

  const giveBack = (): unknown => setTimeout(giveBackMemory, 1_000).unref();
  giveBack();
  const stopListening = journal.listen(({ type, operation }) => {
    if (type === 'operation' && isOver(journal.get(operation).state)) giveBack();
  });
  const looksAfter = (): Promise<void> =>
    lookAfter(tools, signal).catch((error: unknown) => log.warn({ err: error }, 'upkeep'));
  void looksAfter();
  const upkeep = schedule({
    expression: '17 3 * * *',
    clock,
    signal: stopping.signal,
    work: looksAfter,
    onTrouble: (error) => log.warn({ err: error }, 'upkeep'),
  });
  return {
    async stop() {
      stopListening();
      stopping.abort();
      await keptUp;
      await upkeep;
      await runner.stop();
      await server.close();
      await tools.bundles.close();
      db.close();
      alone.release();
      log.info('stopped');
    },
  };
}

/** A crash in here leaves the mark, and the operation that is taken up again removes it at its end. */
async function changeStack(
  { paths, journal }: DeployTools,
  operation: string,
  work: () => Promise<void>,
): Promise<void> {
  await markChanging(paths, operation);
  await work();
  if (journal.unfinished().length === 0) await markWhole(paths);
}

/** After a reboot the secrets are shut and containers may be down; an operation would see to that by itself. */
async function bringUp(tools: DeployTools, signal: AbortSignal): Promise<void> {
  const { paths, clock, compose, log, journal } = tools;
  const release = await readStackRelease(paths);
  if (release === undefined) return;
  const isWhole = journal.unfinished().length === 0;
  const reopened = await reopenSecrets(paths, release, clock);
  const changes = await raiseStack(await compose(), { isWhole, signal });
  if (reopened || changes > 0) log.info({ reopened, changes }, 'the stack was brought up');
}

/** What a start or an operation needed for moments would stay for months: V8 collects nothing in an idle process. */
function giveBackMemory(): void {
  // The launcher allows it; without it memory is merely not small.
  (globalThis.gc as ((options: object) => void) | undefined)?.({ type: 'major', flavor: 'last-resort' });
}

/** Once at the start and once a night. */
async function lookAfter(tools: DeployTools, signal: AbortSignal): Promise<void> {
  const { journal, clock, log, paths } = tools;
  forgetOldEvents(journal, clock, log);
  await noticeMachineChange(tools);
  const renewed = await holdStack(paths, () => renewCertificate(tools), { signal });
  if (renewed) log.info('the certificate was renewed');
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

/** One daemon a state folder, as long as its process lives. */
function claimState(paths: Paths): Lock {
  const lock = tryLock(paths.daemonLock);
  if (lock !== undefined) return lock;
  throw new OnsteadError('daemon.running', `Another Onstead daemon works in ${paths.state}.`, {
    next: 'Stop it first: `systemctl stop onstead`.',
  });
}
