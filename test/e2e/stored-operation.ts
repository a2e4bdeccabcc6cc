// What the journal on the disk says of the newest operation while no daemon runs.

import { systemClock } from '../../src/base/clock.ts';
import { Journal, openDatabase } from '../../src/journal/index.ts';
import type { OperationView } from '../../src/api/schemas.ts';
import type { TestAppliance } from './appliance.ts';

export function storedOperation(appliance: TestAppliance): OperationView {
  const db = openDatabase(appliance.paths.database);
  try {
    return new Journal(db, systemClock).list(1)[0]!;
  } finally {
    db.close();
  }
}
