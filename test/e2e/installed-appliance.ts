// An appliance of a test file's own on which a release is installed already, with its daemon at work.

import type { Test } from 'tap';
import { TestAppliance } from './appliance.ts';
import type { DemoBundle } from './demo-bundle.ts';

/** Removed at the end of the file. `upgrade` is that part of its settings. */
export async function installedAppliance(
  t: Pick<Test, 'teardown'>,
  { path, publicKey }: Pick<DemoBundle, 'path' | 'publicKey'>,
  upgrade?: string,
): Promise<TestAppliance> {
  const appliance = await TestAppliance.make({ publicKey, ...(upgrade === undefined ? {} : { upgrade }) });
  t.teardown(() => appliance.remove());
  await appliance.start();
  const { code, stdout, stderr } = await appliance.onstead(['install', path]);
  if (code === 0) return appliance;
  await appliance.remove(); // what is thrown outside of a test ends the process, without its teardown
  throw new Error(stdout + stderr);
}
