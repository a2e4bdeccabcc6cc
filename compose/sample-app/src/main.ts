// node src/main.ts serve | migrate up|down|status [--to N] [--json] | create-bucket

import { App } from './app.ts';
import { faultOf } from './faults.ts';
import { log } from './log.ts';
import { Metrics } from './metrics.ts';
import { migrateCommand } from './migrate-command.ts';
import { readRelease } from './release.ts';
import { readSettings } from './settings.ts';
import { Storage } from './storage.ts';

async function serve(): Promise<void> {
  const release = readRelease();
  const fault = faultOf(release.fault);
  const app = new App(readSettings(), release);
  if (fault.failsAtStart) throw new Error('This release fails at its start.');
  const stop = async (): Promise<void> => {
    if (fault.ignoresStop) return log('warn', 'SIGTERM ignored');
    await app.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  await app.start();
}

async function main(args: readonly string[]): Promise<void> {
  const [command = 'serve', ...rest] = args;
  if (command === 'serve') return serve();
  if (command === 'migrate') return migrateCommand(rest);
  if (command === 'create-bucket') return new Storage(readSettings().storage, new Metrics()).createBucket();
  throw new Error(
    `There is no command "${command}". Use: serve, migrate up, migrate down, migrate status, create-bucket.`,
  );
}

process.on('unhandledRejection', (error) => {
  // A dependency that goes away must never take the app with it.
  log('error', 'unexpected', { error: error instanceof Error ? error.message : String(error) });
});

const args = process.argv.slice(2);

await main(args).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  // The app logs; a command that a person or a program runs speaks on stderr.
  if (args[0] === undefined || args[0] === 'serve') log('error', message);
  else process.stderr.write(`${message}\n`);
  process.exit(1);
});
