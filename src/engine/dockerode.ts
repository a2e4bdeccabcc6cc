// dockerode without what this product never uses. Its main entry loads gRPC and protobuf (BuildKit sessions for
// image builds) and an SSH client: 16 MB of resident memory in a daemon that may idle at 80. Both modules are
// replaced, for dockerode alone, by one that says so if it is ever called.

import { createRequire, Module } from 'node:module';
import type Dockerode from 'dockerode';

const UNUSED: readonly (readonly [owner: string, path: string])[] = [
  ['dockerode', './session'],
  ['docker-modem', './ssh'],
];

let loaded: typeof Dockerode | undefined;

export function loadDockerode(): typeof Dockerode {
  loaded ??= loadLean();
  return loaded;
}

function loadLean(): typeof Dockerode {
  const require = createRequire(import.meta.url);
  const dockerode = createRequire(require.resolve('dockerode'));
  const owners = new Map([
    ['dockerode', dockerode],
    ['docker-modem', createRequire(dockerode.resolve('docker-modem'))],
  ]);
  for (const [owner, path] of UNUSED) replace(require.cache, owners.get(owner)!, path);
  return require('dockerode') as typeof Dockerode; // CommonJS: the type is the package's own
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
