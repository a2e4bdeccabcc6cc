// dockerode without what this product never uses. Its main entry loads gRPC and protobuf (BuildKit sessions for
// image builds) and an SSH client: 16 MB of resident memory in a daemon that may idle at 80. Both modules are
// replaced, for dockerode alone, by one that says so if it is ever called.

import { createRequire, Module } from 'node:module';
import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import type { NetworkInspectInfo } from 'dockerode';

const UNUSED: readonly (readonly [owner: string, path: string])[] = [
  ['dockerode', './session'],
  ['docker-modem', './ssh'],
];

interface Abortable {
  readonly abortSignal: AbortSignal;
}

/** dockerode with what its published types leave out, so that the casts stand here and nowhere else. */
export type Docker = Omit<
  Dockerode,
  | 'ping'
  | 'info'
  | 'version'
  | 'loadImage'
  | 'getImages'
  | 'createImage'
  | 'createVolume'
  | 'createNetwork'
  | 'getNetwork'
> & {
  ping(options: Abortable): Promise<unknown>;
  info(options: Abortable): Promise<unknown>;
  version(options: Abortable): Promise<unknown>;
  loadImage(archive: Readable, options: Abortable & { readonly quiet: boolean }): Promise<Readable>;
  getImages(options: Abortable & { readonly names: readonly string[] }): Promise<Readable>;
  createImage(options: Abortable & { readonly fromImage: string }): Promise<Readable>;
  // `_query` and `_body` apart: dockerode would otherwise repeat the body in the address.
  createVolume(options: Abortable & Parts): Promise<unknown>;
  createNetwork(options: Abortable & Parts): Promise<unknown>;
  getNetwork(id: string): {
    inspect(options: Abortable): Promise<NetworkInspectInfo>;
    disconnect(options: Abortable & { Container: string; Force: boolean }): Promise<unknown>;
    remove(options: Abortable): Promise<unknown>;
  };
};

interface Parts {
  readonly _query: object;
  readonly _body: object;
}

export type DockerClass = new (options: object) => Docker;

let loaded: DockerClass | undefined;

export function loadDockerode(): DockerClass {
  loaded ??= loadLean();
  return loaded;
}

function loadLean(): DockerClass {
  const require = createRequire(import.meta.url);
  const dockerode = createRequire(require.resolve('dockerode'));
  const owners = new Map([
    ['dockerode', dockerode],
    ['docker-modem', createRequire(dockerode.resolve('docker-modem'))],
  ]);
  for (const [owner, path] of UNUSED) replace(require.cache, owners.get(owner)!, path);
  return require('dockerode') as DockerClass; // CommonJS, loaded by hand: untyped
}

function replace(cache: NodeJS.Dict<NodeJS.Module>, owner: NodeJS.Require, path: string): void {
  const file = resolveIfAny(owner, path);
  if (file === undefined || cache[file] !== undefined) return;
  const stub = new Module(file);
  stub.filename = file;
  stub.loaded = true;
  stub.exports = (): never => {
    throw new Error(`${file} is left out: image builds and SSH engines are not supported.`);
  };
  cache[file] = stub;
}

/** A later dockerode may have moved the file; then it is merely not lean. */
function resolveIfAny(owner: NodeJS.Require, path: string): string | undefined {
  try {
    return owner.resolve(path);
  } catch {
    return undefined;
  }
}
