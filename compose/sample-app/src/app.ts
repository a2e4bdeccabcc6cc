// Puts the parts together, becomes ready, and leaves without dropping a request.

import { setTimeout as sleep } from 'node:timers/promises';
import { NoteTable } from './database.ts';
import { faultOf } from './faults.ts';
import { check, checkHealth } from './health.ts';
import { answerJson, answerText, HttpApp } from './http.ts';
import type { Request, Route } from './http.ts';
import { log } from './log.ts';
import { Memory } from './memory.ts';
import { Metrics } from './metrics.ts';
import type { Release } from './release.ts';
import { noteRoutes } from './routes.ts';
import type { Settings } from './settings.ts';
import { Storage } from './storage.ts';

const READY_LIMIT_MS = 2_500;

type Phase = 'starting' | 'migrating' | 'warming' | 'ready' | 'draining';

export class App {
  readonly #settings: Settings;
  readonly #release: Release;
  readonly #metrics = new Metrics();
  readonly #notes: NoteTable;
  readonly #memory: Memory;
  readonly #storage: Storage;
  readonly #http: HttpApp;
  #phase: Phase = 'starting';

  constructor(settings: Settings, release: Release) {
    this.#settings = settings;
    this.#release = release;
    this.#notes = new NoteTable(settings.database, release.schema, this.#metrics);
    this.#memory = new Memory(settings, release, this.#metrics);
    this.#storage = new Storage(settings.storage, this.#metrics);
    const parts = { notes: this.#notes, memory: this.#memory, storage: this.#storage, release };
    this.#http = new HttpApp({
      routes: [...this.#probeRoutes(), ...noteRoutes(parts)],
      metrics: this.#metrics,
      before: faultOf(release.fault).beforeRequest,
    });
  }

  async start(): Promise<void> {
    this.#memory.connect();
    await this.#http.listen(this.#settings.port);
    log('info', 'listening', { port: this.#settings.port, version: this.#release.version });
    await this.#becomeReady();
  }

  /** Waits for as long as it takes: for the database, for the migration, for the first list. */
  async #becomeReady(): Promise<void> {
    this.#phase = 'migrating';
    await this.#untilTrue('the database to be migrated', async () => {
      return (await this.#notes.schemaVersion()) >= this.#release.schema;
    });
    if (this.#phase === 'migrating') this.#phase = 'warming';
    await this.#untilTrue('the first list', async () => {
      await this.#memory.keepList(await this.#notes.list());
      return faultOf(this.#release.fault).canBecomeReady;
    });
    if (this.#phase !== 'warming') return;
    this.#phase = 'ready';
    log('info', 'ready');
  }

  async #untilTrue(what: string, ask: () => Promise<boolean>): Promise<void> {
    let isLogged = false;
    while (this.#phase !== 'draining') {
      const isTrue = await ask().catch(() => false);
      if (isTrue) return;
      if (!isLogged) log('info', `waiting for ${what}`);
      isLogged = true;
      await sleep(500);
    }
  }

  async stop(): Promise<void> {
    if (this.#phase === 'draining') return;
    const startedMs = performance.now();
    this.#phase = 'draining';
    this.#http.startDraining();
    log('info', 'draining', { inFlight: this.#metrics.inFlight });
    await sleep(Math.min(this.#settings.lameDuckMs, this.#settings.drainMs));
    const leftMs = this.#settings.drainMs - (performance.now() - startedMs);
    const isComplete = await this.#http.close(Math.max(0, leftMs));
    this.#memory.close();
    this.#storage.close();
    await Promise.race([this.#notes.close().catch(() => {}), sleep(1_000)]);
    log(isComplete ? 'info' : 'warn', isComplete ? 'drained' : 'requests were cut off at the drain limit');
  }

  #probeRoutes(): Route[] {
    const probe = (path: string, handle: Route['handle']): Route => ({
      method: 'GET',
      path,
      handle,
      isProbe: true,
    });
    return [
      probe('/api/health', (request) => this.#answerHealth(request)),
      probe('/api/ready', (request) => this.#answerReady(request)),
      probe('/metrics', (request) => answerText(request, 200, this.#metrics.text(), 'text/plain')),
    ];
  }

  async #answerHealth(request: Request): Promise<void> {
    const health = await checkHealth({
      database: () => this.#notes.ping(),
      redis: () => this.#memory.ping(),
      storage: (signal) => this.#storage.ping(signal),
    });
    answerJson(request, health.status === 'unhealthy' ? 503 : 200, health);
  }

  async #answerReady(request: Request): Promise<void> {
    const phase = this.#phase;
    const database = phase === 'ready' ? await check(() => this.#notes.ping(), READY_LIMIT_MS) : undefined;
    const isReady = database?.status === 'up';
    const { version, schema } = this.#release;
    answerJson(request, isReady ? 200 : 503, {
      ready: isReady,
      phase,
      version,
      schema,
      ...(database && { database }),
    });
  }
}
