// What `docker login` keeps of a registry, read as the docker program reads it. Nothing of it is logged or kept here.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OnsteadError, systemCode } from '../base/errors.ts';
import { run } from '../base/process.ts';

/** As the engine wants it in a pull's header. */
export interface RegistryLogin {
  readonly serveraddress: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

/** Docker Hub's, from before it had several. */
const HUB = 'https://index.docker.io/v1/';

/** Undefined where nobody logged in. */
export async function registryLogin(
  repository: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<RegistryLogin | undefined> {
  const path = join(env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker'), 'config.json');
  const config = await configAt(path);
  const server = serverOf(repository);
  const helper = config.credHelpers?.[server] ?? config.credsStore;
  if (helper !== undefined && helper !== '') return fromHelper(helper, server, env);
  const { auth, identitytoken } = config.auths?.[server] ?? {};
  if (identitytoken !== undefined && identitytoken !== '') return { serveraddress: server, identitytoken };
  if (auth === undefined || auth === '') return undefined;
  const [username = '', ...password] = Buffer.from(auth, 'base64').toString().split(':');
  return { serveraddress: server, username, password: password.join(':') };
}

/** `host[:port]` of a repository; a first part without a dot or a port is a folder of Docker Hub. */
export function serverOf(repository: string): string {
  const [first = '', ...rest] = repository.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost && first !== 'docker.io' ? first : HUB;
}

async function configAt(path: string): Promise<DockerConfig> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as DockerConfig;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return {};
    throw new OnsteadError('engine.login', `Docker's logins in ${path} cannot be read.`, {
      next: 'Mend that file, or log in again with "docker login".',
      cause,
    });
  }
}

/** A helper that has nothing for a registry ends with 1 and says so. */
async function fromHelper(
  helper: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<RegistryLogin | undefined> {
  const options = { stdin: server, env, timeoutMs: 30_000, accept: [0, 1] };
  const { code, stdout } = await run(`docker-credential-${helper}`, ['get'], options);
  if (code !== 0) return undefined;
  const { Username = '', Secret = '' } = JSON.parse(stdout) as { Username?: string; Secret?: string };
  if (Username === '<token>') return { serveraddress: server, identitytoken: Secret };
  return { serveraddress: server, username: Username, password: Secret };
}
