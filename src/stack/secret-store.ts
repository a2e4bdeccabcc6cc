// The appliance's secrets: generated here, kept encrypted, opened only into memory-backed files for the
// containers that need them. Versions are kept, so that a rotation can be taken back.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { OnsteadError, systemCode } from '../base/errors.ts';
import { ensureFolder, readTextIfAny, writeFileAtomic } from '../base/files.ts';
import { saveOpened, secretsLost, storeFile } from './lost-secrets.ts';

/** What is shorter would hide words that are no secret. */
const SHORTEST_MASKED = 8;
/** The same in everybody's keys and certificates. */
const PEM_MARK = '-----';
const VERSIONS_KEPT = 30;
const KEY_BYTES = 32;
const FORMAT = 'onstead-secrets-1';

interface SecretVersion {
  readonly at: string;
  readonly value: string;
}

type Content = Record<string, SecretVersion[]>;

interface Envelope {
  readonly format: typeof FORMAT;
  readonly nonce: string;
  readonly tag: string;
  readonly data: string;
}

export interface SecretStoreOptions {
  readonly folder: string;
  readonly machineKeyPath: string;
  readonly clock: Clock;
}

export class SecretStore {
  readonly #path: string;
  readonly #key: Buffer;
  readonly #clock: Clock;
  #content: Content;
  readonly #known = new KnownTexts();
  /** The change under way; the next one builds on what it leaves. */
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string, key: Buffer, clock: Clock, content: Content) {
    this.#path = path;
    this.#key = key;
    this.#clock = clock;
    this.#content = content;
    this.#known.add(content);
  }

  /** Opens the store; on a new appliance this makes its key. */
  static async open(options: SecretStoreOptions): Promise<SecretStore> {
    await ensureFolder(options.folder, 0o700);
    const path = join(options.folder, storeFile);
    const sealed = await readTextIfAny(path);
    const key = await machineKey(options.machineKeyPath, sealed !== undefined);
    return new SecretStore(path, key, options.clock, sealed === undefined ? {} : unseal(sealed, key, path));
  }

  names(): string[] {
    return Object.keys(this.#content).toSorted();
  }

  /** As on a new appliance, or where the file was lost. */
  get isEmpty(): boolean {
    return this.names().length === 0;
  }

  /** For whoever knows that these secrets, or all of them, were here before. */
  lost(names: readonly string[] = []): OnsteadError {
    return secretsLost(this.#path, this.isEmpty ? [] : names);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#content, name);
  }

  get(name: string): string {
    const newest = versionsOf(this.#content, name).at(-1);
    if (newest === undefined) {
      throw new OnsteadError('secret.missing', `The secret "${name}" does not exist on this appliance.`, {
        next: 'Run the installation again: it makes what is missing, or says what is lost.',
      });
    }
    return newest.value;
  }

  /** The text without any secret that this appliance has or had, for what others' programs print. */
  mask(text: string): string {
    return this.#known.mask(text);
  }

  /** Makes every named secret that does not exist yet; returns the names of the new ones. */
  async ensure(names: readonly string[], make: (name: string) => string = generateSecret): Promise<string[]> {
    const missing = names.filter((name) => !this.has(name));
    await this.setAll(Object.fromEntries(missing.map((name) => [name, make(name)])));
    return missing;
  }

  async set(name: string, value: string): Promise<void> {
    await this.setAll({ [name]: value });
  }

  /** One write for all of them: a certificate never stands beside another one's key. */
  async setAll(values: Readonly<Record<string, string>>): Promise<void> {
    if (Object.keys(values).length === 0) return;
    const at = this.#clock.now().toISOString();
    await this.#change((content) => ({
      ...content,
      ...Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          [...versionsOf(content, name), { at, value }].slice(-VERSIONS_KEPT),
        ]),
      ),
    }));
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.#change((content) =>
      Object.fromEntries(Object.entries(content).filter(([name]) => !names.includes(name))),
    );
  }

  /** One change after the other: two at once would each write without the other's. */
  #change(change: (content: Content) => Content): Promise<void> {
    const saved = this.#changeAfter(this.#saving, change);
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #changeAfter(before: Promise<void>, change: (content: Content) => Content): Promise<void> {
    await before;
    const content = change(this.#content);
    this.#known.add(content);
    // An installation that was taken back leaves no store, not even an empty one.
    if (Object.keys(content).length === 0) await rm(this.#path, { force: true });
    else await writeFileAtomic(this.#path, seal(content, this.#key), { mode: 0o600 });
    this.#content = content;
  }
}

/** Every line of every secret since the start: one that was taken back may still stand in what somebody said. */
class KnownTexts {
  readonly #lines = new Set<string>();
  #pattern: RegExp | undefined;

  add(content: Content): void {
    const lines = Object.values(content).flatMap((versions) =>
      versions.flatMap(({ value }) => value.split('\n')),
    );
    for (const line of lines)
      if (line.length >= SHORTEST_MASKED && !line.startsWith(PEM_MARK)) this.#lines.add(line);
    this.#pattern = undefined;
  }

  mask(text: string): string {
    if (this.#lines.size === 0) return text;
    // One that holds another one goes first, so that no end of it stays.
    this.#pattern ??= new RegExp(
      [...this.#lines]
        .toSorted((a, b) => b.length - a.length)
        .map((line) => escaped(line))
        .join('|'),
      'g',
    );
    return text.replaceAll(this.#pattern, '[secret]');
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function versionsOf(content: Content, name: string): readonly SecretVersion[] {
  return Object.hasOwn(content, name) ? content[name]! : [];
}

/** 256 bits, written with characters that need no quoting anywhere. */
export function generateSecret(): string {
  return randomBytes(KEY_BYTES).toString('hex');
}

async function machineKey(path: string, mustExist: boolean): Promise<Buffer> {
  try {
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
    if (key.length === KEY_BYTES) return key;
    throw keyError(path, 'is damaged');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    if (mustExist) throw keyError(path, 'is missing');
  }
  const key = randomBytes(KEY_BYTES);
  await ensureFolder(join(path, '..'));
  await writeFileAtomic(path, `${key.toString('hex')}\n`, { mode: 0o600 });
  return key;
}

function keyError(path: string, what: string): OnsteadError {
  return new OnsteadError(
    'secret.no-key',
    `The machine key ${path} ${what}, so the secrets cannot be opened.`,
    {
      next: `Put the key back from your recovery kit or a copy of ${path}. Where there is none: ${saveOpened}`,
    },
  );
}

function seal(content: Content, key: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(FORMAT));
  const data = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()]);
  const envelope: Envelope = {
    format: FORMAT,
    nonce: nonce.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
  return `${JSON.stringify(envelope)}\n`;
}

function unseal(text: string, key: Buffer, path: string): Content {
  try {
    const envelope = JSON.parse(text) as Envelope;
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(envelope.nonce, 'base64'))
      .setAAD(Buffer.from(FORMAT))
      .setAuthTag(Buffer.from(envelope.tag, 'base64'));
    const data = Buffer.concat([decipher.update(Buffer.from(envelope.data, 'base64')), decipher.final()]);
    return JSON.parse(data.toString('utf8')) as Content;
  } catch {
    // The cause is left out on purpose: a parser's message may quote what it read.
    throw new OnsteadError(
      'secret.unreadable',
      `The secret store ${path} cannot be opened with this machine's key.`,
      {
        next: `Restore the store and the key from the same backup. Where there is none: ${saveOpened}`,
      },
    );
  }
}
