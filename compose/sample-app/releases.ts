// Every release of the sample app, good and bad, and the Compose file of each: one source, many releases.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { Fault } from './src/release.ts';

export interface SampleRelease {
  readonly name: string;
  readonly version: string;
  readonly image: string;
  /** The newest migration, and the files of all of them without `.up.sql`. */
  readonly schema: number;
  readonly migrations: readonly string[];
  /** False when going to this release from the one before cannot be taken back by `migrate down`. */
  readonly reversible: boolean;
  readonly fault: Fault;
  /** What a test may expect of it. */
  readonly about: string;
}

const NOTES = 'migrations/0001_notes';
const LABELS = 'migrations/0002_labels';
const SEARCH = 'migrations/0003_search';

type Draft = Omit<SampleRelease, 'image' | 'schema' | 'reversible' | 'fault'> & {
  readonly fault?: Fault;
  readonly reversible?: boolean;
};

function release(draft: Draft): SampleRelease {
  const tag = draft.name === draft.version ? draft.version : `${draft.version}-${draft.name}`;
  return {
    reversible: true,
    fault: 'none',
    ...draft,
    image: `onstead-demo/notes:${tag}`,
    schema: draft.migrations.length,
  };
}

// The bad releases are newer than 1.1.0, so that an upgrade to each is allowed from both good ones.
export const RELEASES: readonly SampleRelease[] = [
  release({ name: '1.0.0', version: '1.0.0', migrations: [NOTES], about: 'Good.' }),
  release({
    name: '1.1.0',
    version: '1.1.0',
    migrations: [NOTES, LABELS],
    about: 'Good; a new nullable column, which replicas of 1.0.0 can live with.',
  }),
  release({
    name: '1.2.0',
    version: '1.2.0',
    migrations: [NOTES, LABELS, SEARCH],
    reversible: false,
    about: 'Good; its migration has no way down.',
  }),
  release({
    name: 'never-ready',
    version: '1.1.1',
    migrations: [NOTES, LABELS],
    fault: 'never-ready',
    about: 'Runs and is healthy, but /api/ready answers 503 for ever.',
  }),
  release({
    name: 'errors',
    version: '1.1.2',
    migrations: [NOTES, LABELS],
    fault: 'errors',
    about: 'Becomes ready, then answers every twentieth request with 500.',
  }),
  release({
    name: 'slow',
    version: '1.1.3',
    migrations: [NOTES, LABELS],
    fault: 'slow',
    about: 'Becomes ready, then takes 0.9 s longer for each request.',
  }),
  release({
    name: 'migration-fails',
    version: '1.1.4',
    migrations: [NOTES, LABELS, 'faults/0003_owners'],
    about: 'Its migration leaves a new table behind and fails at the second statement.',
  }),
  release({
    name: 'app-fails',
    version: '1.1.5',
    migrations: [NOTES, LABELS, 'faults/0003_colours'],
    fault: 'app-fails',
    about: 'Its migration succeeds, then the app ends at its start with code 1.',
  }),
  release({
    name: 'ignores-sigterm',
    version: '1.1.6',
    migrations: [NOTES, LABELS],
    fault: 'ignores-sigterm',
    about: 'Works, and does not end when it is told to.',
  }),
];

export function findRelease(name: string): SampleRelease {
  const found = RELEASES.find((item) => item.name === name);
  if (found !== undefined) return found;
  throw new Error(
    `There is no release "${name}". There are: ${RELEASES.map((item) => item.name).join(', ')}.`,
  );
}

export const COMPOSE_FILE = join(import.meta.dirname, '..', 'compose.yaml');

export interface ComposeOptions {
  /** Service → image, for the services other than the app. */
  readonly images?: Readonly<Record<string, string>>;
}

/** The release's Compose file: the default stack's, comments and all, with this release's values in it. */
export function releaseCompose(name: string, options: ComposeOptions = {}): string {
  const { version, image, reversible } = findRelease(name);
  const document = parseDocument(readFileSync(COMPOSE_FILE, 'utf8'));
  document.setIn(['x-onstead', 'version'], version);
  document.setIn(['services', 'app', 'image'], image);
  document.setIn(['services', 'app', 'x-onstead', 'migrate', 'reversible'], reversible);
  for (const [service, other] of Object.entries(options.images ?? {})) {
    document.setIn(['services', service, 'image'], other);
  }
  return document.toString({ lineWidth: 0 });
}
