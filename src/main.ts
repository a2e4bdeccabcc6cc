#!/usr/bin/env node
// argv → one CLI verb, or the daemon.

import { sayingTooOld } from './base/node-version.ts';

const tooOld = sayingTooOld(process.versions.node);
if (tooOld !== undefined) {
  process.stderr.write(tooOld);
  process.exit(4);
}

// Only now: on an older Node these do not even link.
const { faultFrom } = await import('./base/fault.ts');
const { howToStart } = await import('./base/own-service.ts');
const { pathsUnder } = await import('./base/paths.ts');
const { Client } = await import('./cli/client.ts');
const { runCli } = await import('./cli/run.ts');

const paths = pathsUnder(process.env['ONSTEAD_ROOT'] ?? '/');
const interrupted = new AbortController();
let interruptions = 0;
process.on('SIGINT', () => {
  interruptions += 1;
  if (interruptions > 1) process.exit(130);
  interrupted.abort();
});

/** The daemon's rooms are loaded only where they are needed: the CLI starts quickly and the daemon stays small. */
async function serve(): Promise<void> {
  const { yieldToRequests } = await import('./base/priority.ts');
  const { startDaemon } = await import('./daemon.ts');
  yieldToRequests();
  const { DOCKER_HOST: dockerHost, ONSTEAD_COMPOSE: composeBinary, ONSTEAD_LOG: logLevel } = process.env;
  const fault = faultFrom(process.env);
  const waitSeconds = Number(process.env['ONSTEAD_ENGINE_WAIT']);
  const daemon = await startDaemon({
    paths,
    ...(dockerHost === undefined ? {} : { dockerHost }),
    ...(composeBinary === undefined ? {} : { composeBinary }),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(waitSeconds > 0 ? { engineWaitMs: waitSeconds * 1_000 } : {}),
    ...(fault === undefined ? {} : { fault }),
  });
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  process.once('SIGTERM', () => ask());
  interrupted.signal.addEventListener('abort', () => ask());
  await asked;
  await daemon.stop();
}

process.exitCode = await runCli(
  process.argv.slice(2),
  { out: process.stdout, err: process.stderr, env: process.env },
  { paths, client: new Client(paths.socket, howToStart(paths)), serve, signal: interrupted.signal },
);
