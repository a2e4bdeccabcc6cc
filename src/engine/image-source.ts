// The engine as a place that release images come from, for building bundles. What it does not have it fetches from
// the image's registry; what was given by digest is that digest or an error.

import { isOnsteadError, OnsteadError } from '../base/errors.ts';
import type { ImageSource } from '../base/image-source.ts';
import type { Engine } from './engine.ts';
import type { ImageFacts, TransferProgress } from './images.ts';

export interface PullOptions {
  /** Asks the registry also for those that the engine has from one; what was built here has none. */
  readonly refresh?: boolean;
  readonly onPull?: (reference: string, progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

export interface PullProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** How many layers the engine did not have. Their bytes it tells only of those that take a while. */
  readonly newLayers: number;
  readonly isOver: boolean;
}

export function engineImageSource(engine: Engine, options: PullOptions = {}): ImageSource {
  return {
    async resolve(ref) {
      const here = await engine.images.inspect(ref);
      const isFresh = here !== undefined && !(options.refresh && here.repoDigests.length > 0);
      const image = isFresh ? here : await pulled(engine, ref, here, options);
      const { id, repoDigests, diffIds, architecture, os, sizeBytes } = image;
      return { id, repoDigests, diffIds, architecture, os, sizeBytes };
    },
    export: (refs) => engine.images.save(refs),
  };
}

async function pulled(
  engine: Engine,
  ref: string,
  here: ImageFacts | undefined,
  { onPull, signal }: PullOptions,
): Promise<ImageFacts> {
  if (isImageId(ref)) return here ?? missing(ref);
  const layers = new Layers();
  const options = {
    onProgress: (step: TransferProgress) => onPull?.(ref, layers.after(step)),
    ...(signal === undefined ? {} : { signal }),
  };
  await engine.images.pull(ref, options).catch((error: unknown) => {
    throw asPullFailure(error, ref, here !== undefined);
  });
  onPull?.(ref, layers.end());
  return (await engine.images.inspect(ref)) ?? missing(ref);
}

const isImageId = (ref: string): boolean => /^(sha256:)?[0-9a-f]{12,64}$/.test(ref);

function missing(ref: string): never {
  throw new OnsteadError('engine.not-found', `Image "${ref}" is not in the local Docker Engine.`, {
    next: 'Build it, or load it with "docker load", then try again.',
  });
}

/** The engine tells of each layer alone; people want to see one bar. */
class Layers {
  readonly #layers = new Map<string, { done: number; total: number }>();
  readonly #new = new Set<string>();

  after({ status, layer, currentBytes, totalBytes }: TransferProgress): PullProgress {
    if (layer !== undefined && status === 'Downloading' && totalBytes !== undefined) {
      this.#layers.set(layer, { done: currentBytes ?? 0, total: totalBytes });
    }
    const known = layer === undefined ? undefined : this.#layers.get(layer);
    if (known !== undefined && /^(Download|Pull) complete/.test(status)) known.done = known.total;
    if (layer !== undefined && status === 'Pull complete') this.#new.add(layer);
    return this.#sum(false);
  }

  end(): PullProgress {
    return this.#sum(true);
  }

  #sum(isOver: boolean): PullProgress {
    const all = [...this.#layers.values()];
    return {
      doneBytes: all.reduce((sum, { done }) => sum + done, 0),
      totalBytes: all.reduce((sum, { total }) => sum + total, 0),
      newLayers: this.#new.size,
      isOver,
    };
  }
}

const OUT_OF_REACH =
  /no such host|connection refused|network is unreachable|no route to host|i\/o timeout|deadline exceeded|Client\.Timeout|TLS handshake|server misbehaving|connection reset|EOF$/i;
const NOT_THERE = /manifest unknown|not found|does not exist|name unknown|invalid repository name/i;
const NOT_ALLOWED = /unauthorized|authentication required|no basic auth|denied|forbidden/i;

function asPullFailure(error: unknown, ref: string, isHere: boolean): unknown {
  if (!isOnsteadError(error) || !['engine.refused', 'engine.not-found'].includes(error.code)) return error;
  const reason = error.message.replace(/^Could not pull image ".*?": /, '');
  const failed = (message: string, next: string): OnsteadError =>
    new OnsteadError('engine.pull-failed', `${message} (${reason})`, { next, cause: error });
  const what = isHere
    ? `Image "${ref}" could not be fetched anew`
    : `Image "${ref}" is not in the local Docker Engine`;
  const elsewhere = isHere
    ? 'or leave --pull out to take the one that the engine has'
    : 'or bring the image with "docker load"';
  if (OUT_OF_REACH.test(reason))
    return failed(`${what}, and its registry cannot be reached.`, `Check the network, ${elsewhere}.`);
  if (NOT_ALLOWED.test(reason) && !/does not exist or/.test(reason))
    return failed(`${what}, and its registry does not let us in.`, `Use "docker login", ${elsewhere}.`);
  if (NOT_THERE.test(reason))
    return failed(
      `${what}, and its registry has no such image for us.`,
      `Check its name and tag, use "docker login" if it is private, ${elsewhere}.`,
    );
  return failed(`${what}, and it could not be pulled.`, error.next ?? `Remove the cause, ${elsewhere}.`);
}
