// Sessions and the cached list, in Redis. The app works without it: slower, and with no session.

import { randomBytes } from 'node:crypto';
import { createClient } from '@redis/client';
import type { Note } from './database.ts';
import { log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Release } from './release.ts';
import type { Settings } from './settings.ts';

const LIST_SECONDS = 10;
const SESSION_SECONDS = 30 * 24 * 3600;

export interface Session {
  readonly id: string;
  readonly isNew: boolean;
  /** Notes this visitor has added; undefined while Redis is away. */
  readonly added: number | undefined;
}

export class Memory {
  readonly #client;
  readonly #metrics: Metrics;
  /** One hash for all releases, a field for each, because each knows other columns; deleted, it is gone for all. */
  readonly #listKey: string;
  readonly #listField: string;
  #lastError = '';

  constructor(settings: Settings, release: Release, metrics: Metrics) {
    this.#metrics = metrics;
    this.#listKey = `${settings.database.name}:list`;
    this.#listField = String(release.schema);
    this.#client = createClient({
      socket: {
        host: settings.redis.host,
        port: settings.redis.port,
        connectTimeout: 2_000,
        reconnectStrategy: (attempts) => Math.min(100 * (attempts + 1), 2_000),
      },
      password: settings.redis.password,
      // Without this, calls would wait for Redis to come back instead of going on without it.
      disableOfflineQueue: true,
      commandOptions: { timeout: 2_000 },
    });
    this.#client.on('error', (error: Error) => this.#noteError(error));
    this.#client.on('ready', () => (this.#lastError = ''));
  }

  connect(): void {
    this.#client.connect().catch((error: Error) => this.#noteError(error));
  }

  async ping(): Promise<void> {
    await this.#call(() => this.#client.ping());
  }

  async cachedList(): Promise<Note[] | undefined> {
    const text = await this.#quietly(() => this.#client.hGet(this.#listKey, this.#listField));
    this.#metrics.cacheAsked(typeof text === 'string' ? 'hit' : 'miss');
    return typeof text === 'string' ? (JSON.parse(text) as Note[]) : undefined;
  }

  async keepList(notes: readonly Note[]): Promise<void> {
    const text = JSON.stringify(notes);
    await this.#quietly(() => this.#client.hSet(this.#listKey, this.#listField, text));
    await this.#quietly(() => this.#client.expire(this.#listKey, LIST_SECONDS));
  }

  async forgetList(): Promise<void> {
    await this.#quietly(() => this.#client.del(this.#listKey));
  }

  async session(id: string | undefined): Promise<Session> {
    const added =
      id === undefined ? null : await this.#quietly(() => this.#client.hGet(`session:${id}`, 'added'));
    if (id !== undefined && added !== null) {
      return { id, isNew: false, added: added === undefined ? undefined : Number(added) };
    }
    const fresh = randomBytes(16).toString('hex');
    const kept = await this.#quietly(() => this.#client.hSet(`session:${fresh}`, 'added', 0));
    await this.#quietly(() => this.#client.expire(`session:${fresh}`, SESSION_SECONDS));
    return { id: fresh, isNew: true, added: kept === undefined ? undefined : 0 };
  }

  async countAdded(session: Session): Promise<void> {
    await this.#quietly(() => this.#client.hIncrBy(`session:${session.id}`, 'added', 1));
  }

  close(): void {
    this.#client.destroy();
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    return this.#metrics.timed('redis', call);
  }

  async #quietly<T>(call: () => Promise<T>): Promise<T | undefined> {
    return this.#call(call).catch(() => undefined);
  }

  /** The client reports every attempt; one line a cause is enough. */
  #noteError(error: Error): void {
    if (error.message === this.#lastError) return;
    this.#lastError = error.message;
    log('warn', 'Redis is away', { error: error.message });
  }
}
