// The composition root: builds every room, hands each what it needs, starts, stops. Nothing else makes a room.

import { chmod, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { beginBy, buildServer, createAppliance } from './api/index.ts';
import { systemClock } from './base/clock.ts';
import { OnsteadError } from './base/errors.ts';
import { ensureFolder } from './base/files.ts';
import { createLogger } from './base/log.ts';
import { tryLock, type Lock } from './base/lock.ts';
import { ownerMark } from './base/orphans.ts';
import { howToStop } from './base/own-service.ts';
import type { Paths } from './base/paths.ts';
import { schedule } from './base/schedule.ts';
import {
  Appointments,
  bringUp,
  BundleShelf,
  carryInLane,
  installExecutors,
  isBundleAway,
  lookAfter,
  rehearsalExecutors,
  tellPeople,
  upgradeExecutors,
  type DeployTools,
} from './deploy/index.ts';
import { ComposeMemory, connectEngine, isRetryable, openCompose, type Engine } from './engine/index.ts';
import { isOver, Journal, openDatabase, Runner, type Fault } from './journal/index.ts';
import { detectMachineApart } from './machine/index.ts';
import { keepStackUp, readSettings, SecretStore, stackComposeFiles } from './stack/index.ts';

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

/** Nobody waits at a prompt for what an operation looks at, and a busy machine answers late. */
const LOOK_WITHIN_MS = 20_000;

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

  const secrets = await SecretStore.open({
    folder: paths.secrets,
    machineKeyPath: paths.machineKey,
    clock,
  });
  const journal = new Journal(db, clock, { mask: (text) => secrets.mask(text) });
  const composeOptions = {
    folder: paths.stack,
    env: ownerMark(paths.state),
    memory: new ComposeMemory(),
    ...(options.composeBinary === undefined ? {} : { composeBinary: options.composeBinary }),
    ...(options.dockerHost === undefined ? {} : { dockerHost: options.dockerHost }),
  };
  const tools: DeployTools = {
    journal,
    paths,
    clock,
    log,
    settings: () => settings,
    secrets,
    bundles: new BundleShelf(paths.trust, journal),
    engine: rememberEngine(options),
    compose: async () => openCompose(composeOptions),
    composeIn: async (folder) => openCompose({ ...composeOptions, files: stackComposeFiles(folder) }),
    composeOf: async (folder) => openCompose({ ...composeOptions, folder }),
    machine: () =>
      detectMachineApart({
        root: paths.root,
        ports: [settings.edge.httpPort, settings.edge.httpsPort],
        timeoutMs: LOOK_WITHIN_MS,
      }),
  };
  const stopping = new AbortController();
  const { signal } = stopping;
  const runner = new Runner({
    journal,
    async exclusively(operation, work) {
      await carryInLane(tools, operation, work, signal);
      await tellPeople(tools, operation, signal);
    },
    executors: { ...installExecutors(tools), ...upgradeExecutors(tools), ...rehearsalExecutors(tools) },
    clock,
    log,
    isWorthWaiting: (error) => isRetryable(error) || isBundleAway(error),
    ...(options.engineWaitMs === undefined ? {} : { waitLimitMs: options.engineWaitMs }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
  });
  const appointments = new Appointments({ journal, clock, log });
  const appliance = createAppliance(tools, runner, appointments);
  const server = buildServer(appliance, log);
  await server.listen({ path: paths.socket });
  await chmod(paths.socket, 0o600);
  const resumed = runner.resumeAll();
  log.info({ socket: paths.socket, resumed }, 'ready');
  const kept = appointments.keep(beginBy(tools, appliance), signal);
  const keptUp = keepStackUp({
    engine: tools.engine,
    raise: () => bringUp(tools, signal),
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
  const firstLook = looksAfter();
  const upkeep = schedule({
    expression: '17 3 * * *',
    clock,
    signal,
    work: looksAfter,
    onTrouble: (error) => log.warn({ err: error }, 'upkeep'),
  });
  return {
    async stop() {
      stopListening();
      stopping.abort();
      await keptUp;
      await kept;
      await firstLook;
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

/** What a start or an operation needed for moments would stay for months: V8 collects nothing in an idle process. */
function giveBackMemory(): void {
  // The launcher allows it; without it memory is merely not small.
  (globalThis.gc as ((options: object) => void) | undefined)?.({ type: 'major', flavor: 'last-resort' });
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
    next: `Stop it first: \`${howToStop(paths)}\`.`,
  });
}
