// The container engine, and the programs that speak to it.

import { join } from 'node:path';
import type { EngineFacts } from '../facts.ts';
import type { Source } from '../source.ts';
import type { Collector } from './context.ts';
import { printable } from '../printable.ts';

const PLUGIN_FOLDERS = [
  '/usr/local/lib/docker/cli-plugins',
  '/usr/local/libexec/docker/cli-plugins',
  '/usr/lib/docker/cli-plugins',
  '/usr/libexec/docker/cli-plugins',
];

export const collectEngine: Collector<'engine'> = async (source, { engine }) => {
  const [answer, cli, compose, oldCompose] = await Promise.all([
    engine(),
    cliOf(source),
    composeOf(source),
    oldComposeOf(source),
  ]);
  const snap = cli !== null && (await source.real(cli.path))?.includes('/snap') === true;
  return {
    ...answer,
    // snap's client is a link to snap itself; its engine also keeps its data below /var/snap.
    details: answer.details && {
      ...answer.details,
      snap: answer.details.snap || (snap && cli.path.startsWith('/snap/')),
    },
    redirects: await redirectsOf(source, answer.socket),
    cli,
    compose,
    oldCompose,
  };
};

async function cliOf(source: Source): Promise<EngineFacts['cli']> {
  const path = await source.which('docker');
  if (path === undefined) return null;
  const said = await source.command('docker', ['--version']);
  return { path, version: versionIn(said?.stdout) };
}

/** Asks docker; where that fails the plugin itself, which tells its version as well. */
async function composeOf(source: Source): Promise<EngineFacts['compose']> {
  const path = await pluginPath(source);
  const said = await source.command('docker', ['compose', 'version', '--short']);
  if (said?.code === 0) return { path, version: versionIn(said.stdout) };
  const alone = path === null ? undefined : await source.command(path, ['version', '--short']);
  return alone?.code === 0 ? { path, version: versionIn(alone.stdout) } : null;
}

/** Names only: an address may hold a user's name and password. */
async function redirectsOf(source: Source, socket: string): Promise<string[]> {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = process.env;
  const redirects: string[] = [];
  const ours = [`unix://${socket}`, 'unix:///run/docker.sock', 'unix:///var/run/docker.sock'];
  if (host && !ours.includes(host)) redirects.push('the variable DOCKER_HOST');
  if (context && context !== 'default') redirects.push('the variable DOCKER_CONTEXT');
  const path = join(configFolder(), 'config.json');
  const chosen = /"currentContext"\s*:\s*"([^"]+)"/.exec((await source.text(path)) ?? '')?.[1];
  if (chosen !== undefined && chosen !== 'default')
    redirects.push(`the context ${printable(chosen)} in ${path}`);
  return redirects;
}

function configFolder(): string {
  return process.env['DOCKER_CONFIG'] ?? join(process.env['HOME'] ?? '/root', '.docker');
}

async function pluginPath(source: Source): Promise<string | null> {
  for (const folder of [join(configFolder(), 'cli-plugins'), ...PLUGIN_FOLDERS]) {
    const path = join(folder, 'docker-compose');
    if (await source.exists(path)) return path;
  }
  return null;
}

async function oldComposeOf(source: Source): Promise<EngineFacts['oldCompose']> {
  const path = await source.which('docker-compose');
  if (path === undefined) return null;
  const said = await source.command('docker-compose', ['version', '--short']);
  return { path, version: versionIn(said?.stdout) };
}

function versionIn(said: string | undefined): string {
  return printable(/\d+\.\d+[^\s,]*/.exec(said ?? '')?.[0] ?? 'unknown', 40);
}
