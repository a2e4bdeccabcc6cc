// What the journal on the disk says while no daemon runs.

import { systemClock } from '../../src/base/clock.ts';
import { Journal, openDatabase } from '../../src/journal/index.ts';
import type { OperationView } from '../../src/api/schemas.ts';
import type { TestAppliance } from './appliance.ts';

/** The newest operation. */
export function storedOperation(appliance: TestAppliance): OperationView {
  return withJournal(appliance, (journal) => journal.list(1)[0]!);
}

export function storedFact<T>(appliance: TestAppliance, key: string): T | undefined {
  return withJournal(appliance, (journal) => journal.fact<T>(key));
}

export function storeFact(appliance: TestAppliance, key: string, value: unknown): void {
  withJournal(appliance, (journal) => journal.setFact(key, value));
}

function withJournal<T>(appliance: TestAppliance, work: (journal: Journal) => T): T {
  const db = openDatabase(appliance.paths.database);
  try {
    return work(new Journal(db, systemClock));
  } finally {
    db.close();
  }
}
