// Which release this is: one small file in the image's last layer, so that all releases share one source.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const FAULTS = ['none', 'never-ready', 'errors', 'slow', 'app-fails', 'ignores-sigterm'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Release {
  readonly version: string;
  /** The newest migration this release needs. */
  readonly schema: number;
  /** What a release for tests does wrong. */
  readonly fault: Fault;
}

const ROOT = join(import.meta.dirname, '..');

export function readRelease(path = join(ROOT, 'release.json')): Release {
  return JSON.parse(readFileSync(path, 'utf8')) as Release;
}

export const MIGRATIONS = join(ROOT, 'migrations');
