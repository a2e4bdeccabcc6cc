// What a mount of the machine's own files opens. The path alone decides: how links lie on a customer's machine is not
// known when a release is written, so what is a link everywhere counts as what it points to.

import { posix } from 'node:path';
import type { Allowance } from './schema-services.ts';
import { show } from './shape.ts';

export interface Opened {
  readonly allowance: Allowance;
  /** In the sentence "This opens … to the container." */
  readonly opens: string;
}

export const ENGINE: Opened = {
  allowance: 'docker-socket',
  opens: 'the engine and with it the whole machine',
};

/** Who holds one of these, or a folder that it lies in, holds the machine. */
const ENGINE_PLACES = [
  '/run/docker.sock',
  '/run/docker',
  '/run/containerd',
  '/run/crio',
  '/run/podman',
  '/run/user',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
];
const ENGINE_SOCKET = /(docker|containerd|podman|crio)\.sock/;
/** Links of the kernel's that lead out of /proc, to the whole of the machine's files. */
const LEADS_OUT = /^\/proc\/(.+\/)?(root|cwd|fd|map_files|ns|exe)(\/|$)/;

/** Undefined for a path inside the stack's own folder. A variable counts as the worst that it could become. */
export function openedBy(source: string): Opened | undefined {
  if (source.includes('$')) return ENGINE;
  const path = normal(source);
  if (!path.startsWith('/')) return undefined;
  if (ENGINE_SOCKET.test(path) || LEADS_OUT.test(path)) return ENGINE;
  if (ENGINE_PLACES.some((place) => isWithin(place, path) || isWithin(path, place))) return ENGINE;
  if (isWithin(path, '/dev')) return { allowance: 'devices', opens: `devices of the machine: ${show(path)}` };
  if (isWithin(path, '/proc') || isWithin(path, '/sys'))
    return { allowance: 'host-kernel', opens: `the kernel's own settings: ${show(path)}` };
  return { allowance: 'host-path', opens: `${show(path)} of the machine` };
}

/** Onstead's key, secrets and settings, and the files that say what the stack is. No permission covers these. */
export function isOnsteadsOwn(source: string, isReadOnly: boolean): boolean {
  const path = normal(source);
  if (path.startsWith('/')) return /^\/(etc|opt|run|var\/lib)\/onstead(\/|\.|$)/.test(path);
  return /^(\.|compose[^/]*)$/.test(path) || (isWithin(path, 'config') && !isReadOnly);
}

/** `/run` by whatever detour. Compose reads `~` as the home of whoever runs it, which is root. */
function normal(source: string): string {
  const path = posix.normalize(source.replace(/^~[^/]*/, '/root')).replace(/(?<=.)\/$/, '');
  return path.replace(/^\/var\/run(?=\/|$)/, '/run');
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);
}
