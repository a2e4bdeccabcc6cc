// A customer upgrades, and something beside the release is odd: that alone takes nothing back, and nobody notices.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { demoBundle } from '../e2e/demo-bundle.ts';
import { installedAppliance } from '../e2e/installed-appliance.ts';
import { startUsers } from '../e2e/users.ts';

t.setTimeout(590_000);

const first = await demoBundle('1.1.0');
const appliance = await installedAppliance(t, first, '{ readyWithin: 60s, soak: 2s }');

async function upgradedUnnoticed(t: Test, release: string, ...more: string[]): Promise<string> {
  const { path, version } = await demoBundle(release, (text) => text.replace('drain: 75s', 'drain: 4s'));
  const users = await startUsers(appliance);
  const { code, stdout, stderr } = await appliance.onstead(['upgrade', path, '--yes', ...more]);
  const seen = await users.stop();
  t.equal(code, 0, stdout + stderr);
  t.strictSame(seen.failures, []);
  const status = await appliance.onstead(['status', '--json']);
  t.equal((JSON.parse(status.stdout) as { release: { version: string } }).release.version, version);
  return (await appliance.onstead(['operations', 'show', (await appliance.operation()).id])).stdout;
}

t.test('rolled back because reporting failed: a log that cannot be read takes nothing back', async (t) => {
  const [edge] = await appliance.engine.containers.list({ project: appliance.project, service: 'nginx' });
  const root = (await appliance.run(['docker', 'info', '-f', '{{.DockerRootDir}}'])).stdout.trim();
  await rm(join(root, 'containers', edge!.id, 'local-logs/container.log'));
  const story = await upgradedUnnoticed(t, 'ignores-sigterm');
  t.match(story, /log cannot be read, so only Onstead's own requests are judged/);
});

t.test('an app that ignores SIGTERM is ended all the same, after everybody was answered', async (t) => {
  await upgradedUnnoticed(t, '1.2.0', '--irreversible');
  const replicas = await appliance.engine.containers.list({ project: appliance.project, service: 'app' });
  t.equal(new Set(replicas.map(({ image }) => image)).size, 1, 'none of the old ones is left');
});
