// One installed appliance for what leaves it as it was.

import t from 'tap';
import { demoBundle } from './demo-bundle.ts';
import { installedAppliance } from './installed-appliance.ts';
import { lostSecretsCases } from './lost-secrets-cases.ts';
import { rehearsalCases } from './rehearsal-cases.ts';
import { statusCases } from './status-cases.ts';

t.setTimeout(590_000);

const bundle = await demoBundle('1.0.0');
const appliance = await installedAppliance(t, bundle);

t.test('status', (t) => statusCases(t, appliance, bundle));
t.test('lost secrets', (t) => lostSecretsCases(t, appliance, bundle));
t.test('rehearsal', async (t) => {
  await appliance.start();
  await rehearsalCases(t, appliance, bundle);
});
