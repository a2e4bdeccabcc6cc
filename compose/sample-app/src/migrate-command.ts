// The `migrate` command. What happens goes to stderr, the resulting status to stdout.

import { parseArgs } from 'node:util';
import { MigrationError, Migrator, readMigrations } from './migrate.ts';
import type { MigrationStatus } from './migrate.ts';
import { MIGRATIONS } from './release.ts';
import { readDatabaseSettings } from './settings.ts';

export async function migrateCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean', default: false }, to: { type: 'string' } },
    allowPositionals: true,
  });
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const migrator = new Migrator(readDatabaseSettings(), readMigrations(MIGRATIONS), say);
  const to = versionFrom(values.to);
  const status = await runVerb(migrator, positionals[0], to);
  process.stdout.write(values.json ? `${JSON.stringify(summaryOf(status))}\n` : tableOf(status));
}

function versionFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw new MigrationError(`--to needs the number of a migration, not "${text}".`);
}

function runVerb(
  migrator: Migrator,
  verb: string | undefined,
  to: number | undefined,
): Promise<MigrationStatus[]> {
  if (verb === 'up') return migrator.up(to);
  if (verb === 'down') return migrator.down(to);
  if (verb === 'status') return migrator.status();
  throw new MigrationError('Use: migrate up, migrate down or migrate status.');
}

/** `version` is the newest applied migration; `complete` is whether the release can run on this schema. */
function summaryOf(migrations: readonly MigrationStatus[]): object {
  const applied = migrations.filter(({ state }) => state === 'applied' || state === 'unknown');
  const pending = migrations.filter(({ state }) => state === 'pending');
  const broken = migrations.filter(({ state }) => state === 'incomplete' || state === 'changed');
  return {
    version: applied.at(-1)?.version ?? 0,
    complete: pending.length === 0 && broken.length === 0,
    reversible: pending.every(({ reversible }) => reversible),
    applied,
    pending,
    broken,
  };
}

function tableOf(migrations: readonly MigrationStatus[]): string {
  return migrations
    .map(({ version, name, state, reversible, appliedAt }) => {
      const columns = [String(version).padStart(4, '0'), name.padEnd(24), state.padEnd(10)];
      return `${[...columns, reversible ? 'reversible' : 'irreversible', appliedAt ?? ''].join('  ').trimEnd()}\n`;
    })
    .join('');
}
