// Which program this is: its version, and where its own files are.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds `package.json`: one above `src/` in a checkout, one above `dist/` when installed. */
export const programFolder = fileURLToPath(new URL('../../', import.meta.url));

export function programVersion(): string {
  const text = readFileSync(join(programFolder, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
