// Images of the engine's store: look, load, tag, save, remove, pull.

import { PassThrough, Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ImageInspectInfo } from 'dockerode';
import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import { cureFor, knownCureFor } from './failures.ts';
import { readJsonLines } from './frames.ts';
import type { Link } from './link.ts';
import { registryLogin } from './registry-login.ts';

export interface ImageFacts {
  /** The config digest on a classic store, the manifest digest on a containerd store. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly diffIds: readonly string[];
  readonly sizeBytes: number;
  readonly architecture: string;
  readonly os: string;
  readonly created: Date | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string;
}

export interface ImageSummary {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface TransferProgress {
  /** Handed to the engine so far; loads only. */
  readonly sentBytes: number;
  /** What the engine says it does: `Loading layer`, `Extracting`, … */
  readonly status: string;
  readonly layer?: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
}

export interface TransferOptions {
  readonly onProgress?: (progress: TransferProgress) => void;
  readonly signal?: AbortSignal;
}

/** Unpacking a large layer on a slow disk says nothing for a long time. */
const TRANSFER_TIMEOUT_MS = 60 * 60_000;

export class Images {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async inspect(ref: string): Promise<ImageFacts | undefined> {
    const raw = await this.#link.callIfAny(`inspect image "${ref}"`, (docker, abortSignal) =>
      docker.getImage(ref).inspect({ abortSignal } as object),
    );
    return raw === undefined ? undefined : factsFrom(raw);
  }

  async list(filter: { readonly labels?: readonly string[]; readonly reference?: string } = {}) {
    const filters = {
      ...(filter.labels === undefined ? {} : { label: filter.labels }),
      ...(filter.reference === undefined ? {} : { reference: [filter.reference] }),
    };
    const raw = await this.#link.call('list images', (docker, abortSignal) =>
      docker.listImages({ filters, abortSignal } as object),
    );
    return raw.map(summaryFrom);
  }

  /**
   * `docker load`. The answer names what the engine says it loaded. A containerd store says "Loaded" also of an image
   * whose layers are damaged, and only prints that it could not be unpacked; its inspection looks sound. Such a name
   * is taken away again and the load fails.
   */
  async load(archive: Readable, options: TransferOptions = {}): Promise<readonly string[]> {
    const about = 'load images';
    // An archive can be sent once only, so an engine whose API moved on is met before.
    await this.#link.call('greet it', (docker, abortSignal) => docker.ping({ abortSignal }));
    const loaded: string[] = [];
    const broken: string[] = [];
    let printed = '';
    let sentBytes = 0;
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sentBytes += chunk.length;
        options.onProgress?.({ sentBytes, status: 'Sending' });
        done(null, chunk);
      },
    });
    const feeding = pipeline(archive, counted).catch((error: unknown) => error);
    try {
      const answer = (await this.#link.call(
        about,
        (docker, abortSignal) => docker.loadImage(counted, { quiet: false, abortSignal }),
        { signal: options.signal, timeoutMs: TRANSFER_TIMEOUT_MS },
      )) as Readable;
      await this.#follow(answer, about, options, (line, progress) => {
        const name = /^Loaded image(?: ID)?: (.+)$/.exec(progress.status)?.[1];
        const damaged = /^Error unpacking image (\S+): /.exec(progress.status)?.[1];
        if (name !== undefined) loaded.push(name);
        if (damaged !== undefined) {
          broken.push(damaged);
          printed = progress.status;
        }
        if (line['status'] !== undefined) options.onProgress?.({ ...progress, sentBytes });
      });
    } catch (error) {
      counted.destroy();
      const cause = await feeding;
      if (options.signal?.aborted) throw options.signal.reason;
      if (isSourceFailure(cause)) throw cause;
      throw asLoadFailure(error);
    }
    if (broken.length > 0) {
      for (const name of broken) await this.remove(name);
      throw loadFailure(`Could not load images: ${printed}`);
    }
    if (loaded.length === 0) {
      throw loadFailure('The archive held no image that the engine could load.');
    }
    return loaded;
  }

  /** With what `docker login` left. Needs a registry in reach; never used on an appliance. */
  async pull(ref: string, options: TransferOptions = {}): Promise<void> {
    const about = `pull image "${ref}"`;
    const { repo, tag } = splitTag(ref);
    const login = await registryLogin(repo);
    const answer = (await this.#link.call(
      about,
      (docker, abortSignal) =>
        docker.createImage({
          ...{ fromImage: repo, tag, abortSignal },
          ...(login === undefined ? {} : { authconfig: login }),
        }),
      { signal: options.signal, timeoutMs: TRANSFER_TIMEOUT_MS },
    )) as Readable;
    await this.#follow(answer, about, options, (_, progress) => options.onProgress?.(progress));
  }

  /** False where there was none. A tag of several removes the tag alone. */
  async remove(ref: string, options: { readonly force?: boolean } = {}): Promise<boolean> {
    const answer = await this.#link.callIfAny(
      `remove image "${ref}"`,
      (docker, abortSignal) => docker.getImage(ref).remove({ force: options.force ?? false, abortSignal }),
      { timeoutMs: 5 * 60_000 },
    );
    return answer !== undefined;
  }

  /** A `docker save` archive of all of them. */
  async save(refs: readonly string[], options: { readonly signal?: AbortSignal } = {}): Promise<Readable> {
    const about = `save ${refs.length} image(s)`;
    const source = (await this.#link.call(
      about,
      (docker, abortSignal) => docker.getImages({ names: refs, abortSignal }),
      { signal: options.signal, timeoutMs: TRANSFER_TIMEOUT_MS },
    )) as Readable;
    const archive = new PassThrough();
    pipeline(source, archive).catch((error: unknown) => archive.destroy(this.#link.translate(error, about)));
    return archive;
  }

  /**
   * How many of these layers, from the first on, some image here is already built on. Those may be absent from an
   * archive that a classic store loads. (A containerd store keeps blobs, not chains.)
   */
  async layerChainKnown(diffIds: readonly string[]): Promise<number> {
    const chains = await this.layerChains();
    return Math.max(0, ...chains.map((chain) => commonStart(diffIds, chain)));
  }

  /** The layers of each image, from the bottom up; one that goes away meanwhile is left out. */
  async layerChains(filter: { readonly reference?: string } = {}): Promise<(readonly string[])[]> {
    const ids = new Set((await this.list(filter)).map(({ id }) => id));
    const found: (readonly string[])[] = [];
    for (const id of ids) {
      const image = await this.inspect(id);
      if (image !== undefined && image.diffIds.length > 0) found.push(image.diffIds);
    }
    return found;
  }

  async #follow(
    answer: Readable,
    about: string,
    options: TransferOptions,
    onLine: (line: Record<string, unknown>, progress: TransferProgress) => void,
  ): Promise<void> {
    try {
      for await (const line of readJsonLines(answer)) {
        throwIfError(line, about);
        onLine(line, progressFrom(line));
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw this.#link.translate(error, about);
    } finally {
      answer.destroy();
    }
  }
}

/** An answer of 200 that says inside that it failed. */
export function throwIfError(line: Record<string, unknown>, about: string): void {
  const detail = line['errorDetail'] as { message?: string } | undefined;
  const message = detail?.message ?? line['error'];
  if (typeof message !== 'string') return;
  throw new OnsteadError('engine.refused', `Could not ${about}: ${message}`, { next: cureFor(message) });
}

export function progressFrom(line: Record<string, unknown>): TransferProgress {
  const detail = (line['progressDetail'] ?? {}) as { current?: number; total?: number };
  const text = line['status'] ?? line['stream'];
  return {
    sentBytes: 0,
    status: typeof text === 'string' ? text.trim() : '',
    ...(typeof line['id'] === 'string' ? { layer: line['id'] } : {}),
    ...(detail.current === undefined ? {} : { currentBytes: detail.current }),
    ...(detail.total === undefined ? {} : { totalBytes: detail.total }),
  };
}

/** `host:5000/a/b:tag` → `host:5000/a/b` and `tag`; a digest goes before a tag. */
export function splitTag(ref: string): { repo: string; tag: string } {
  const [named = '', digest] = ref.split('@');
  if (digest !== undefined) return { repo: splitTag(named).repo, tag: digest };
  const colon = ref.lastIndexOf(':');
  if (colon <= ref.lastIndexOf('/')) return { repo: ref, tag: 'latest' };
  return { repo: ref.slice(0, colon), tag: ref.slice(colon + 1) };
}

function commonStart(left: readonly string[], right: readonly string[]): number {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length += 1;
  return length;
}

function isSourceFailure(cause: unknown): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE';
}

function asLoadFailure(error: unknown): unknown {
  if (!isOnsteadError(error, 'engine.refused')) return error;
  return loadFailure(error.message, error);
}

function loadFailure(message: string, cause?: OnsteadError): OnsteadError {
  return new OnsteadError('engine.load-failed', message, {
    next: knownCureFor(message) ?? 'The archive is damaged or incomplete: fetch or copy it again.',
    cause,
  });
}

function summaryFrom(raw: {
  Id: string;
  RepoTags?: string[] | undefined | null;
  RepoDigests?: string[] | undefined | null;
  Size: number;
  Labels?: Record<string, string> | undefined | null;
}): ImageSummary {
  return {
    id: raw.Id,
    repoTags: named(raw.RepoTags),
    repoDigests: named(raw.RepoDigests),
    sizeBytes: raw.Size,
    labels: raw.Labels ?? {},
  };
}

function factsFrom(raw: ImageInspectInfo): ImageFacts {
  const created = new Date(raw.Created ?? '');
  return {
    id: raw.Id,
    repoTags: named(raw.RepoTags),
    repoDigests: named(raw.RepoDigests),
    diffIds: raw.RootFS?.Layers ?? [],
    sizeBytes: raw.Size,
    architecture: raw.Architecture,
    os: raw.Os,
    created: Number.isNaN(created.getTime()) ? undefined : created,
    labels: raw.Config?.Labels ?? {},
    user: raw.Config?.User ?? '',
  };
}

/** The engine writes `<none>:<none>` for an image without a name. */
function named(names: readonly string[] | null | undefined): readonly string[] {
  return (names ?? []).filter((name) => !name.startsWith('<none>'));
}
