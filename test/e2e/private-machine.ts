// A machine of a test's own inside this one: its own processes, network, mounts, /run and engine, on a disk that
// outlives them. Its power can be cut and it can boot again, while the engine of this machine is never touched.

import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectEngine, type Engine } from '../../src/engine/index.ts';
import { changesFolder, changesIn } from './overlay.ts';

/** The first process: reaps what nobody waits for, and takes everything with it when it ends. */
const INIT = ['docker-init', '-s', '--', 'sleep', 'infinity'];
const SOCKET = '/run/docker.sock';

export class PrivateMachine {
  /** What survives a power cut. */
  readonly disk: string;
  readonly #cgroup: string;
  #initPid = 0;
  #enginePid = 0;
  #engine: Engine | undefined;

  constructor() {
    this.disk = mkdtempSync('/tmp/onm-');
    this.#cgroup = `/${this.disk.slice('/tmp/'.length)}`;
    mkdirSync(join(this.disk, 'docker'));
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error('the engine of the private machine was not started');
    return this.#engine;
  }

  /** Where its containers are counted, in every controller. */
  get cgroup(): string {
    return this.#cgroup;
  }

  get enginePid(): number {
    return this.#enginePid;
  }

  /** Put this before a command to run it inside. */
  get prefix(): readonly string[] {
    return ['nsenter', '-t', String(this.#initPid), '-m', '-n', '-p', '--'];
  }

  /** Where a file of the inside is seen from the outside, also in folders that are memory there. */
  seen(path: string): string {
    return join(`/proc/${this.#initPid}/root`, path);
  }

  /**
   * `volatile` are folders that are memory, as /run is, and so empty after each boot. Of `overlaid` folders it sees
   * what this machine has; what it changes there is kept on its own disk.
   */
  async boot(volatile: readonly string[] = [], overlaid: readonly string[] = []): Promise<void> {
    const mounts = [
      'ip link set lo up',
      ...overlaid.map((folder) => this.#overlayOn(folder)),
      `mount --bind ${this.disk}/docker /var/lib/docker`,
      ...['/run', ...volatile].map(
        (folder) => `mkdir -p ${folder} && mount -t tmpfs -o mode=755 tmpfs ${folder}`,
      ),
    ];
    const script = `set -e; mkdir -p /var/lib/docker; ${mounts.join('; ')}; exec ${INIT.join(' ')}`;
    const log = openSync(join(this.disk, 'boot.log'), 'a');
    const outer = spawn(
      'unshare',
      ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', script],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.#initPid = await childOf(outer.pid!);
    while (!readFileSync(`/proc/${this.#initPid}/cmdline`, 'latin1').startsWith('docker-init')) {
      if (outer.exitCode !== null) throw new Error('the private machine did not boot');
      await sleep(10);
    }
  }

  #overlayOn(folder: string): string {
    const upper = changesFolder(this.disk, folder);
    const work = `${upper}.work`;
    mkdirSync(upper, { recursive: true });
    mkdirSync(work, { recursive: true });
    return `mount -t overlay -o lowerdir=${folder},upperdir=${upper},workdir=${work} overlay ${folder}`;
  }

  changesIn(folder: string): string[] {
    return changesIn(this.disk, folder);
  }

  /** This machine may have an appliance; that one does not see it. Only where the folders are overlaid. */
  hideAppliance(): void {
    const isOverlaid =
      'for one in /opt /etc /var /usr/local; do [ "$(stat -f -c %T $one)" = overlayfs ] || exit 1; done';
    const files = '/opt/onstead /etc/onstead /var/lib/onstead /var/log/onstead.log* /usr/local/bin/onstead';
    const [command, ...args] = [...this.prefix, 'sh', '-c', `${isOverlaid}; rm -rf ${files}`];
    if (spawnSync(command!, args).status !== 0)
      throw new Error('the folders of the appliance are not overlaid');
  }

  async startEngine(): Promise<void> {
    const log = openSync(join(this.disk, 'dockerd.log'), 'a');
    const [command, ...args] = [...this.prefix, 'dockerd', '--cgroup-parent', this.#cgroup];
    const outer = spawn(command!, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#enginePid = await childOf(outer.pid!);
    for (;;) {
      if (outer.exitCode !== null) throw new Error(`dockerd ended: ${this.engineLog().slice(-2_000)}`);
      this.#engine = await connectEngine({ socketPath: this.seen(SOCKET) }).catch(() => undefined);
      if (this.#engine !== undefined) return;
      await sleep(50);
    }
  }

  /** The engine's own process alone; what it runs goes on without it. */
  async killEngine(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    process.kill(this.#enginePid, signal);
    await gone(this.#enginePid);
  }

  /** Every process of it ends at once, and with them its mounts and its network. */
  async cutPower(): Promise<void> {
    process.kill(this.#initPid, 'SIGKILL');
    await gone(this.#initPid);
  }

  engineLog(): string {
    return readFileSync(join(this.disk, 'dockerd.log'), 'utf8');
  }

  async remove(): Promise<void> {
    await this.cutPower().catch(() => {});
    rmSync(this.disk, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    removeCgroups(this.#cgroup);
  }
}

/** What a machine has left in each controller; its processes are gone. */
export function removeCgroups(cgroup: string): void {
  for (const controller of readdirSync('/sys/fs/cgroup')) {
    const folder = `/sys/fs/cgroup/${controller}${cgroup}`;
    spawnSync('find', [folder, '-depth', '-type', 'd', '-delete']);
    try {
      rmdirSync(folder);
    } catch {
      // this controller had none, or it is gone
    }
  }
}

/** nsenter and unshare wait for the one process that they started inside. */
export async function childOf(pid: number): Promise<number> {
  for (;;) {
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    if (child > 0) return child;
    await sleep(10);
  }
}

export async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      // One that has ended and is not reaped yet still has an entry, but nothing in it.
      if (readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) return;
    } catch {
      return;
    }
    await sleep(20);
  }
}
