// node_modules/.bin/node compose/sample-app/write-release.ts NAME --out FOLDER
// Writes the Compose file of one release of the sample app, as its vendor would ship it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { releaseCompose, RELEASES } from './releases.ts';

const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const [name] = positionals;

if (name === undefined || values.out === undefined) {
  process.stderr.write(
    'Usage: node_modules/.bin/node compose/sample-app/write-release.ts NAME --out FOLDER\n\nReleases:\n',
  );
  for (const item of RELEASES) process.stderr.write(`  ${item.name.padEnd(16)} ${item.about}\n`);
  process.exitCode = 2;
} else {
  mkdirSync(values.out, { recursive: true });
  const path = join(values.out, 'compose.yaml');
  writeFileSync(path, releaseCompose(name));
  process.stdout.write(`${path}\n`);
}
