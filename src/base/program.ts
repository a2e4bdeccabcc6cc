// Which program this is: its version, and where its own files are.

import { readFileSync } from 'node:fs';

/** The folder that holds `package.json`: one above `src/` in a checkout, one above `dist/` when installed. */
export const programFolder = new URL('../../', import.meta.url).pathname;

export function programVersion(): string {
  const text = readFileSync(new URL('package.json', `file://${programFolder}`), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
