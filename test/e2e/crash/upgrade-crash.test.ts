// The daemon is killed with SIGKILL before, during and after the steps of an upgrade, and of going back from it, while
// people use the application: it ends as exactly the new or the old release, and nobody misses anything.

import t from 'tap';
import { demoBundle } from '../demo-bundle.ts';
import { installedAppliance } from '../installed-appliance.ts';
import { killedThrough, nobodyMissesAnything } from './killed-upgrade.ts';
import { ROUNDS } from './killing.ts';
import { begun, begunBy, isWhole } from './upgrade-lab.ts';

t.setTimeout(1_180_000);

const first = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, first, '{ readyWithin: 15s, soak: 1s }');
await appliance.stop();

for (const points of ROUNDS) {
  const at = points.join(' and ');
  t.test(`an upgrade killed ${at} its steps ends as if nothing had happened`, async (t) => {
    const steps = await begun(appliance, (await demoBundle('1.1.0')).path);
    const seen = await killedThrough(t, appliance, steps, points);
    await isWhole(t, appliance, { version: '1.1.0', schema: 2 });
    await nobodyMissesAnything(t, appliance, seen);
  });

  t.test(`so does a rollback that keeps what was written, killed ${at} its steps`, async (t) => {
    const seen = await killedThrough(t, appliance, await begunBy(appliance, ['rollback']), points);
    await isWhole(t, appliance, { version: '1.0.0', schema: 1 });
    await nobodyMissesAnything(t, appliance, seen);
  });
}
