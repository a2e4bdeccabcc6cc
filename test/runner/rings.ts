// The rings of tests: what each holds, what it needs, how long it may take. Every test file is in exactly one.

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

export interface Ring {
  readonly name: string;
  readonly what: string;
  /** Folders under the test folder, and those below them that belong to another ring. */
  readonly folder: string;
  readonly except: readonly string[];
  readonly needsEngine: boolean;
  /** Of `npm test`; the others are run by their name. */
  readonly isEveryday: boolean;
  /**
   * Test files at once. They wait more than they work; but on a machine that is kept busy a new release answers slowly,
   * and is taken back for that.
   */
  readonly jobs: number;
  /** Files that take longest: begun first, so that nothing waits for them at the end. */
  readonly first: readonly string[];
  /** Files that nothing runs beside, since their time limits would not bear it. They come last by name: each waits for all others. */
  readonly alone: readonly string[];
  readonly fileLimitSeconds: number;
  readonly ringLimitSeconds: number;
}

function ring(name: string, what: string, folder: string, more: Partial<Ring> = {}): Ring {
  return {
    name,
    what,
    folder,
    except: [],
    needsEngine: true,
    isEveryday: true,
    jobs: 2,
    first: [],
    alone: [],
    fileLimitSeconds: 600,
    ringLimitSeconds: 900,
    ...more,
  };
}

export const RINGS: readonly Ring[] = [
  ring('unit', 'decisions, tables, parsers and the house rules; needs no engine', 'unit', {
    needsEngine: false,
    fileLimitSeconds: 240,
    ringLimitSeconds: 900,
  }),
  ring('contract', 'one suite a port, against the fake and the real thing', 'contract'),
  ring('e2e', 'what the customer sees, on a real engine', 'e2e', {
    except: ['e2e/crash'],
    first: ['e2e/upgrade.test.ts', 'e2e/rollback-data.test.ts'],
    ringLimitSeconds: 2400,
  }),
  ring(
    'crash',
    'the steps of an installation, an upgrade and a rollback, killed before, during and after',
    'e2e/crash',
    {
      first: ['e2e/crash/upgrade-crash.test.ts'],
      fileLimitSeconds: 2400, // of the complete run; see test/e2e/crash/killing.ts
      ringLimitSeconds: 5400,
    },
  ),
  ring(
    'machine',
    'a whole customer machine: power cuts, reboots, engines that end, with and without systemd',
    'machine',
    { first: ['machine/install-script.test.ts'], ringLimitSeconds: 2400 },
  ),
  ring('deep', 'rare failures, and the ways back from them: what takes long', 'deep', {
    isEveryday: false,
    first: ['deep/ways-back-crash.test.ts', 'deep/ways-back-that-fail.test.ts'],
    // An engine that was killed takes longer to come back on a busy machine.
    alone: ['deep/unsteady-engine.test.ts'],
    fileLimitSeconds: 2400, // of the complete run; see test/e2e/crash/killing.ts
    ringLimitSeconds: 7200,
  }),
];

export interface Discovery {
  readonly root: string;
  readonly testFolder: string;
  /** What a test file's name ends with. */
  readonly suffix: string;
}

/** The ring's test files, as paths from the root: those that go first, then by name. */
export async function filesOf(ring: Ring, where: Discovery): Promise<string[]> {
  const isFirst = (file: string): boolean => ring.first.some((path) => file.endsWith(`/${path}`));
  const all = await testFilesUnder(join(where.root, where.testFolder, ring.folder), where.suffix);
  const foreign = ring.except.map((folder) => join(where.root, where.testFolder, folder) + sep);
  return all
    .filter((file) => !foreign.some((folder) => file.startsWith(folder)))
    .toSorted((left, right) => Number(isFirst(right)) - Number(isFirst(left)))
    .map((file) => relative(where.root, file));
}

export async function testFilesUnder(folder: string, suffix: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
