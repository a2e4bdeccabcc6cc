// `npm test`: every ring of tests, with its own set-up. The last line is `N passed, N failed`.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELP, parseWanted } from './runner/arguments.ts';
import { Children } from './runner/children.ts';
import { RINGS, filesOf } from './runner/rings.ts';
import { runSession } from './runner/session.ts';
import { readyForEngineRings, readyForTap } from './runner/setup.ts';

const NODE_MAJOR = 26;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const where = { root, testFolder: 'test', suffix: '.test.ts' };
const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const wanted = parseWanted(
    argv,
    RINGS.map((ring) => ring.name),
  );
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n`);
    return 2;
  }
  if (wanted.verb === 'help') print(HELP);
  if (wanted.verb === 'list') await list();
  return wanted.verb === 'run' ? runAll(wanted) : 0;
}

async function runAll(wanted: Parameters<typeof runSession>[0]['wanted']): Promise<number> {
  const children = new Children();
  let signalled = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      signalled = true;
      children.stop();
    });
  }
  const code = await runSession({
    where,
    rings: RINGS,
    wanted,
    isCi: !['', '0', 'false'].includes(process.env['CI'] ?? ''),
    children,
    readyForTap: () => readyForTap({ root, children, say: print }),
    readyForEngine: () => readyForEngineRings({ root, children, say: print }),
    print,
  });
  return signalled ? 130 : code;
}

async function list(): Promise<void> {
  for (const ring of RINGS) {
    print(`${ring.name}: ${ring.what}${ring.needsEngine ? ' (needs an engine)' : ''}`);
    for (const file of await filesOf(ring, where)) print(`  ${file}`);
  }
}

/** Started by an older Node (npm does not do that): hand over to the one that the project brings. */
function handOver(): number | undefined {
  const own = join(root, 'node_modules/.bin/node');
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR || !existsSync(own)) return undefined;
  return spawnSync(own, process.argv.slice(1), { stdio: 'inherit' }).status ?? 1;
}

process.exitCode = handOver() ?? (await main(process.argv.slice(2)));
