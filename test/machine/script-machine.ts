// A machine of a test's own on which install.sh and supervise.sh are typed. What is written is seen as an overlay over
// this machine's folders, so that nothing can be changed or left unseen.

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, type CliResult } from '../e2e/appliance.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';

const checkout = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const FOLDERS = ['/etc', '/opt', '/usr/local', '/var'];
const SHELL = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'TMPDIR=/run/tmp',
];

export const installScript = join(checkout, 'installer/install.sh');

export class ScriptMachine {
  readonly machine = new PrivateMachine();

  /** With an engine, and nothing of Onstead. */
  async boot(): Promise<void> {
    await this.machine.boot([], FOLDERS);
    mkdirSync(this.machine.seen('/run/tmp'));
    this.machine.hideAppliance();
    await this.machine.startEngine();
  }

  inside(words: readonly string[]): Promise<CliResult> {
    const [command, ...args] = [...this.machine.prefix, 'env', '-i', '-C', '/', ...SHELL, ...words];
    return runCommand(command!, args, {});
  }

  install(...words: string[]): Promise<CliResult> {
    return this.inside(['sh', installScript, ...words]);
  }

  supervise(verb: string): Promise<CliResult> {
    return this.inside(['sh', '/opt/onstead/current/installer/supervise.sh', verb]);
  }

  read(path: string): string {
    return readFileSync(this.machine.seen(path), 'utf8');
  }

  /** The version that is switched to, or nothing. */
  async current(): Promise<string> {
    return (await this.inside(['readlink', '/opt/onstead/current'])).stdout.trim();
  }

  /** Everything on the disk below these folders, by content, apart from what a running daemon writes at any time. */
  files(): string[] {
    const contentOf = (path: string): Buffer | string =>
      lstatSync(path).isSymbolicLink() ? readlinkSync(path) : readFileSync(path);
    const digest = (path: string): string =>
      path.startsWith('removed ')
        ? ''
        : createHash('sha256')
            .update(contentOf(this.machine.seen(path)))
            .digest('hex');
    return FOLDERS.flatMap((folder) => this.machine.changesIn(folder))
      .filter((path) => !/\/(onstead\.log|state\.db(-wal|-shm)?)$/.test(path))
      .map((path) => `${path} ${digest(path)}`);
  }

  /** The files, and what runs; for moments at which no container does, since its health checks come and go. */
  async footprint(): Promise<string[]> {
    const ran = await this.inside(['ps', '-e', '-o', 'comm=']);
    const processes = ran.stdout.split('\n').filter((name) => !/^(ps|nsenter|env|)$/.test(name.trim()));
    return [...this.files(), ...processes.toSorted()];
  }

  async onEngine(): Promise<string[]> {
    const asked = [['ps', '-a'], ['volume', 'ls'], ['network', 'ls'], ['images']].map((words) =>
      this.inside(
        ['docker', ...words, '-q', '--no-trunc'].filter(
          (word) => word !== '--no-trunc' || words[0] !== 'volume',
        ),
      ),
    );
    return (await Promise.all(asked)).map(({ stdout }) => stdout.trim());
  }

  async daemonPid(): Promise<number> {
    for (;;) {
      const answer = await this.inside(['onstead', 'version', '--json']);
      const since = /"startedAt"/.test(answer.stdout);
      if (since) return Number(this.read('/run/onstead/daemon').split(' ')[0]);
      await sleep(200);
    }
  }

  async note(title?: string): Promise<string> {
    const ca = (await this.inside(['onstead', 'certificate'])).stdout;
    const port = Number(/https: (\d+)/.exec(this.read('/etc/onstead/onstead.yaml'))![1]);
    const question = { port, ca, path: '/api/notes', ...(title === undefined ? {} : { body: { title } }) };
    const asked = [...this.machine.prefix, process.execPath, join(checkout, 'test/e2e/ask-edge.ts')];
    const { stdout, stderr } = await runCommand(asked[0]!, asked.slice(1), {
      input: JSON.stringify(question),
    });
    return stdout + stderr;
  }

  /** The current slot is there with every file of it, or there is none. */
  async slotIsWhole(): Promise<boolean> {
    const slot = await this.current();
    if (slot === '') return true;
    return (
      (await this.inside(['env', '-C', `/opt/onstead/${slot}`, 'sha256sum', '-c', '--status', '.files']))
        .code === 0
    );
  }
}
