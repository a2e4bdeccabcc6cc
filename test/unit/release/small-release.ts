// The smallest release that holds, with one thing changed in it, and what is then said to be wrong.

import { isOnsteadError } from '../../../src/base/errors.ts';
import { parseRelease, type Mistake } from '../../../src/release/index.ts';

/** The smallest release that holds, with `change` in place of the app's image line. */
export function small(change: string, extra = ''): string {
  return `name: notes
x-onstead: { version: 1.0.0 }
services:
  app:
    image: app:1
    x-onstead: { role: app, port: 80, health: /h, ready: /r }
${change}
  nginx: { image: "nginx:1", x-onstead: { role: nginx } }
${extra}`;
}

export function mistakesIn(text: string): Mistake[] {
  try {
    parseRelease(text, 'compose.yaml');
  } catch (error) {
    if (!isOnsteadError(error, 'release.invalid')) throw error;
    return error.details as Mistake[];
  }
  return [];
}
