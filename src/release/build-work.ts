// What a build is given, and what its parts share while it runs.

import type { BlobStore } from './blob-store.ts';
import type { ImageSource } from '../base/image-source.ts';
import type { DeltaBase } from './delta-base.ts';
import type { SecretKey } from './minisign.ts';
import type { OnProgress } from './progress.ts';

export interface BuildInput {
  /** The vendor's file and its name, for messages. */
  readonly composeText: string;
  readonly composeFile: string;
  readonly imageSource: ImageSource;
  /** By service name: another reference to take the image from. The release keeps the vendor's name. */
  readonly imageOverrides?: Readonly<Record<string, string>>;
  /** For example `linux/amd64`. */
  readonly platform: string;
  /** What becomes `/opt/onstead/<version>`: dist, node_modules, package.json, runtime, tools. */
  readonly daemonFolder?: string;
  readonly installerFile?: string;
  /** Makes a delta: what an appliance has with any one of these is left out. */
  readonly bases?: readonly DeltaBase[];
  readonly secretKey: SecretKey;
  /** The release's date. An input, so that a bundle can be built twice with the same bytes. */
  readonly createdAt: Date;
  readonly outPath: string;
  /** Where compressed layers are kept for the next build. Without it nothing is kept. */
  readonly cacheFolder?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface Work {
  readonly input: BuildInput;
  readonly arch: string;
  readonly staging: string;
  readonly store: BlobStore;
}
