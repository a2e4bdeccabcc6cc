// `npm run bench`: one benchmark by name, or the list of them.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Children } from '../runner/children.ts';
import { readyForEngineRings } from '../runner/setup.ts';
import { findBenches, parseWanted, runHarness } from './harness.ts';

const folder = dirname(fileURLToPath(import.meta.url));
const root = join(folder, '../..');
const err = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const wanted = parseWanted(argv);
  if (typeof wanted === 'string') {
    err(`${wanted} See npm run bench -- --help.`);
    return 2;
  }
  const harness = {
    root,
    readyForEngine: (say: (line: string) => void) =>
      readyForEngineRings({ root, children: new Children(), say }),
    out: (line: string): void => void process.stdout.write(`${line}\n`),
    err,
  };
  return runHarness(harness, await findBenches(folder), wanted);
}

process.exitCode = await main(process.argv.slice(2));
