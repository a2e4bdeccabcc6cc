// Where the engine listens: a unix socket, or tcp for trials. Written back as DOCKER_HOST for the Compose program.

import { OnsteadError } from '../base/errors.ts';

export type Address =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export interface AddressChoice {
  readonly socketPath?: string;
  /** As DOCKER_HOST is written: `unix:///run/docker.sock` or `tcp://127.0.0.1:2375`. */
  readonly dockerHost?: string;
}

export const DEFAULT_SOCKET = '/var/run/docker.sock';

export function addressFrom(choice: AddressChoice): Address {
  if (choice.socketPath !== undefined) return { kind: 'socket', path: choice.socketPath };
  if (choice.dockerHost === undefined || choice.dockerHost === '') {
    return { kind: 'socket', path: DEFAULT_SOCKET };
  }
  return parseDockerHost(choice.dockerHost);
}

function parseDockerHost(text: string): Address {
  if (text.startsWith('unix://')) return { kind: 'socket', path: text.slice(7) || DEFAULT_SOCKET };
  const tcp = /^tcp:\/\/(\[[0-9a-f:]+\]|[^:/]+):(\d{1,5})\/?$/i.exec(text);
  if (tcp !== null) return { kind: 'tcp', host: tcp[1]!, port: Number(tcp[2]) };
  throw new OnsteadError('engine.address', `"${text}" is not an address of a Docker Engine.`, {
    next: 'Write unix:///path/to/docker.sock or tcp://host:port.',
  });
}

export function dockerHostOf(address: Address): string {
  return address.kind === 'socket' ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}

/** How people call it in a sentence. */
export function nameOf(address: Address): string {
  return address.kind === 'socket' ? address.path : `${address.host}:${address.port}`;
}
