// A whole customer machine inside this one, with systemd as its first process: its own processes, network, devices,
// control groups and engine, on a disk that outlives a reboot. It has this machine's programs, and nothing installed.

import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, type CliResult } from '../e2e/appliance.ts';
import { changesIn } from '../e2e/overlay.ts';
import { childOf, gone, removeCgroups } from '../e2e/private-machine.ts';

const BOOT = new URL('boot-systemd.sh', import.meta.url).pathname;
const FOLDERS = ['/etc', '/opt', '/usr/local', '/var', '/root'];
const BOOTS_WITHIN_MS = 60_000;

export class SystemdMachine {
  readonly #disk = mkdtempSync('/tmp/onw-');
  #pid = 0;

  async boot(): Promise<void> {
    const log = openSync(join(this.#disk, 'boot.log'), 'a');
    const namespaces = [
      '--net',
      '--mount',
      '--pid',
      '--uts',
      '--ipc',
      '--fork',
      '--mount-proc',
      '--kill-child',
    ];
    const outer = spawn('unshare', [...namespaces, 'sh', BOOT, this.#disk], { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#pid = await childOf(outer.pid!);
    const giveUpAtMs = performance.now() + BOOTS_WITHIN_MS;
    for (;;) {
      const state = (await this.run('systemctl', 'is-system-running')).stdout.trim();
      if (state === 'running' || state === 'degraded') return;
      if (outer.exitCode !== null || performance.now() > giveUpAtMs)
        throw new Error(
          `systemd is "${state}": ${readFileSync(join(this.#disk, 'boot.log'), 'utf8').slice(-2_000)}`,
        );
      await sleep(100);
    }
  }

  /** A command inside, as root with an empty environment. */
  run(...words: string[]): Promise<CliResult> {
    const enter = ['-t', String(this.#pid), '-m', '-n', '-p', '-u', '-i', '-C', '--'];
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    return runCommand('nsenter', [...enter, 'env', '-i', '-C', '/', path, 'HOME=/root', ...words], {});
  }

  async reboot(): Promise<void> {
    await this.run('systemctl', 'poweroff');
    await gone(this.#pid);
    await this.boot();
  }

  /** Every process of it ends at once. */
  async cutPower(): Promise<void> {
    process.kill(this.#pid, 'SIGKILL');
    await gone(this.#pid);
  }

  /** Files that it has changed or made, apart from what systemd and Compose keep for themselves. */
  changes(): string[] {
    return FOLDERS.flatMap((folder) => changesIn(this.#disk, folder)).filter(
      (path) => !/^(\/var\/(lib\/systemd|log\/journal|tmp)|\/root\/\.docker\/buildx)\//.test(path),
    );
  }

  async remove(): Promise<void> {
    await this.cutPower().catch(() => {});
    rmSync(this.#disk, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    removeCgroups(`/${basename(this.#disk)}`);
  }
}
