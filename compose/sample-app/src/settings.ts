// What the app is told by its environment. Everything that is missing is reported at once.

import { existsSync, readFileSync } from 'node:fs';

export interface Settings {
  readonly port: number;
  readonly database: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly name: string;
    readonly password: string;
    readonly connections: number;
  };
  readonly redis: { readonly host: string; readonly port: number; readonly password: string };
  readonly storage: {
    readonly endpoint: string;
    readonly bucket: string;
    readonly accessKey: string;
    readonly secretKey: string;
  };
  readonly drainMs: number;
  /** After SIGTERM: still serving, no longer ready, so that the proxy can look elsewhere first. */
  readonly lameDuckMs: number;
}

export type DatabaseSettings = Settings['database'];

export class SettingsError extends Error {}

class Reader {
  readonly problems: string[] = [];
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  text(name: string, fallback?: string): string {
    const value = this.#env[name] ?? fallback;
    if (value !== undefined && value !== '') return value;
    this.problems.push(`${name} is not set`);
    return '';
  }

  number(name: string, fallback: number): number {
    const value = Number(this.#env[name] ?? fallback);
    if (Number.isFinite(value) && value >= 0) return value;
    this.problems.push(`${name} is not a number`);
    return fallback;
  }

  /** From the file NAME_FILE names, or from NAME. */
  secret(name: string): string {
    const path = this.#env[`${name}_FILE`];
    if (path === undefined) {
      if (this.#env[name] === undefined) this.problems.push(`${name}_FILE is not set`);
      return this.#env[name] ?? '';
    }
    if (existsSync(path)) return readFileSync(path, 'utf8').trim();
    this.problems.push(`${name}_FILE names ${path}, which does not exist`);
    return '';
  }

  end(): void {
    if (this.problems.length === 0) return;
    throw new SettingsError(`The app cannot start: ${this.problems.join('; ')}.`);
  }
}

export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const reader = new Reader(env);
  const settings = {
    port: reader.number('PORT', 3000),
    database: databaseFrom(reader),
    redis: {
      host: reader.text('REDIS_HOST'),
      port: reader.number('REDIS_PORT', 6379),
      password: reader.secret('REDIS_PASSWORD'),
    },
    storage: {
      endpoint: reader.text('S3_ENDPOINT'),
      bucket: reader.text('S3_BUCKET'),
      accessKey: reader.secret('S3_ACCESS_KEY'),
      secretKey: reader.secret('S3_SECRET_KEY'),
    },
    drainMs: reader.number('DRAIN_SECONDS', 25) * 1000,
    lameDuckMs: reader.number('LAME_DUCK_SECONDS', 2) * 1000,
  };
  reader.end();
  return settings;
}

/** A migration needs the database and nothing else. */
export function readDatabaseSettings(env: NodeJS.ProcessEnv = process.env): DatabaseSettings {
  const reader = new Reader(env);
  const settings = databaseFrom(reader);
  reader.end();
  return settings;
}

function databaseFrom(reader: Reader): DatabaseSettings {
  return {
    host: reader.text('MYSQL_HOST'),
    port: reader.number('MYSQL_PORT', 3306),
    user: reader.text('MYSQL_USER'),
    name: reader.text('MYSQL_DATABASE'),
    password: reader.secret('MYSQL_PASSWORD'),
    connections: reader.number('MYSQL_CONNECTIONS', 10),
  };
}
