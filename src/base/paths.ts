// Where everything lives on an appliance. A root other than `/` moves all of it, for tests and trials.

import { join } from 'node:path';

export interface Paths {
  readonly root: string;
  /** Daemon and runtime, one folder a version; `current` points at one. */
  readonly programs: string;
  /** What the customer chose; the only file people edit. */
  readonly settings: string;
  /** Public keys of vendors whose bundles are accepted. */
  readonly trust: string;
  /** The key that opens the secret store. Kept apart from the data, so that a copied disk folder is not enough. */
  readonly machineKey: string;
  readonly state: string;
  readonly database: string;
  /** Held by the daemon as long as it lives. */
  readonly daemonLock: string;
  readonly secrets: string;
  /** The highest versions taken so far. */
  readonly seen: string;
  readonly stack: string;
  /** Held by whoever changes the stack. */
  readonly stackLock: string;
  /** Held by whoever copies the data, or puts other data in its place. */
  readonly dataLock: string;
  /** There while an operation changes the stack: what stands in its folder may be half done. */
  readonly stackChanging: string;
  /** The stack's folder as it was before that, as long as there is a way back. */
  readonly stackBefore: string;
  /** The next stack's folder, as long as an operation works towards it. */
  readonly stackNext: string;
  /** What each upgrade keeps of the appliance before it, one folder an operation. */
  readonly points: string;
  /** Newer data that an automatic rollback took out of use, one folder an operation. */
  readonly setAside: string;
  /** The folders of scratch stacks, one a kind of operation, as long as one goes on. */
  readonly scratch: string;
  readonly releases: string;
  readonly backups: string;
  /** Opened secrets, in memory only. */
  readonly unsealed: string;
  /** Opened for scratch stacks, a folder each. */
  readonly scratchUnsealed: string;
  readonly socket: string;
}

export function pathsUnder(root = '/'): Paths {
  const at = (...parts: string[]): string => join(root, ...parts);
  return {
    root,
    programs: at('opt/onstead'),
    settings: at('etc/onstead/onstead.yaml'),
    trust: at('etc/onstead/trust'),
    machineKey: at('etc/onstead/machine.key'),
    state: at('var/lib/onstead'),
    database: at('var/lib/onstead/state.db'),
    daemonLock: at('var/lib/onstead/daemon.lock'),
    secrets: at('var/lib/onstead/secrets'),
    seen: at('var/lib/onstead/seen.json'),
    stack: at('var/lib/onstead/stack'),
    stackLock: at('var/lib/onstead/stack.lock'),
    dataLock: at('var/lib/onstead/data.lock'),
    stackChanging: at('var/lib/onstead/stack.changing'),
    stackBefore: at('var/lib/onstead/stack.before'),
    stackNext: at('var/lib/onstead/stack.next'),
    points: at('var/lib/onstead/points'),
    setAside: at('var/lib/onstead/set-aside'),
    scratch: at('var/lib/onstead/scratch'),
    releases: at('var/lib/onstead/releases'),
    backups: at('var/lib/onstead/backups'),
    unsealed: at('run/onstead/secrets'),
    scratchUnsealed: at('run/onstead/scratch-secrets'),
    socket: at('run/onstead.sock'),
  };
}
