// Who reaches whom, tried from within a container's network with this machine's own Node. A connection alone proves
// nothing where a gateway answers for everybody, so listeners say a word and callers say what they heard.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import type { Test } from 'tap';
import { runCommand } from './appliance.ts';

/** A process in the network that is meant; undefined is this machine's own. */
export type Place = number | undefined;

const inside = (place: Place): string[] =>
  place === undefined ? [] : ['nsenter', '-t', String(place), '-n', '--'];

/** What the other end says first, or why nothing came: `timeout`, or the error's code. */
export async function hears(place: Place, host: string, port: number): Promise<string> {
  return ask(place, `host: ${JSON.stringify(host)}, port: ${port}`, "s.on('data', (d) => end(String(d)))");
}

/** `connected`, or why not; for servers that wait to be spoken to. */
export async function reaches(place: Place, host: string, port: number): Promise<string> {
  return ask(
    place,
    `host: ${JSON.stringify(host)}, port: ${port}`,
    "s.on('connect', () => end('connected'))",
  );
}

async function ask(place: Place, target: string, listen: string): Promise<string> {
  const script = `const s = require('node:net').connect({ ${target}, timeout: 2000 });
    const end = (word) => { console.log(word); process.exit(); };
    ${listen}; s.on('timeout', () => end('timeout')).on('close', () => end('closed')).on('error', (e) => end(e.code));`;
  const [command, ...args] = [...inside(place), process.execPath, '-e', script];
  return (await runCommand(command!, args)).stdout.trim();
}

/** The address that the engine's resolver in that network knows for a name, or why none. */
export async function finds(place: Place, name: string): Promise<string> {
  const script = `const { Resolver } = require('node:dns'); const one = new Resolver({ timeout: 1500, tries: 1 });
    one.setServers(['127.0.0.11']); one.resolve4('${name}', (error, found) => console.log(error?.code ?? found[0]))`;
  const [command, ...args] = [...inside(place), process.execPath, '-e', script];
  return (await runCommand(command!, args)).stdout.trim();
}

export interface Speaker {
  readonly port: number;
  readonly word: string;
  readonly pid: number;
}

/** Listens on every address of that network, on a free port if none is named, and says its word to each caller. */
export async function speaker(
  t: Test,
  place: Place,
  port = 0,
  before: readonly string[] = [],
): Promise<Speaker> {
  const word = randomBytes(8).toString('hex');
  const script = `const server = require('node:net').createServer((s) => s.on('error', () => {}).end('${word}'));
    server.listen(${port}, '0.0.0.0', () => console.log(server.address().port))`;
  const [command, ...args] = [...before, ...inside(place), process.execPath, '-e', script];
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { port: Number(line), word, pid: child.pid! };
}

const OUTSIDE = '198.51.100.2';

/** A host in another network that this machine routes to, with a speaker on it; it is gone with the test. */
export async function outsideHost(t: Test): Promise<Speaker & { readonly address: string }> {
  const host = await speaker(t, undefined, 443, ['unshare', '--net']);
  const there = ['nsenter', '-t', String(host.pid), '-n', 'ip'];
  for (const words of [
    ['ip', 'link', 'add', 'ons-outside', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(host.pid)],
    ['ip', 'address', 'add', '198.51.100.1/30', 'dev', 'ons-outside'],
    ['ip', 'link', 'set', 'ons-outside', 'up'],
    [...there, 'address', 'add', `${OUTSIDE}/30`, 'dev', 'eth0'],
    [...there, 'link', 'set', 'eth0', 'up'],
  ]) {
    const { code, stderr } = await runCommand(words[0]!, words.slice(1));
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  }
  return { ...host, address: OUTSIDE };
}
