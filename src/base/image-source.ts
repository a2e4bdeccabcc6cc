// Where a bundle's images come from: the engine room offers it, the release room builds from it.

import type { Readable } from 'node:stream';

export interface SourceImage {
  /** The config digest on a classic store, the manifest digest on a containerd store. */
  readonly id: string;
  /** `repository@sha256:…` for each registry it came from. */
  readonly repoDigests: readonly string[];
  readonly diffIds: readonly string[];
  readonly architecture: string;
  readonly os: string;
  readonly sizeBytes: number;
}

export interface ImageSource {
  resolve(reference: string): Promise<SourceImage>;
  /** One `docker save` archive of all of them: the legacy layout of old engines or the OCI layout of newer ones. */
  export(ids: readonly string[]): Promise<Readable>;
}
