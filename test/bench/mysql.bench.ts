// MySQL replaced while people write: nobody's request fails, it waits. Beside it `docker compose up -d` of the same change
// on an equal stack.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliResult, TestAppliance } from '../e2e/appliance.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import type { Bench, BenchContext } from './bench.ts';
import { short } from './statistics.ts';
import { failuresIn, longestWritingGap, spanOf, underLoad, withAppliance } from './upgrade-lab.ts';
import type { UnderLoad } from './upgrade-lab.ts';

const otherSettings = (text: string): string =>
  text.replace('      MYSQL_DATABASE: notes\n      MYSQL_USER', '      TZ: UTC\n$&');

export const bench: Bench = {
  name: 'mysql',
  proves: 'MySQL is replaced under load without a failed request: they wait at the edge meanwhile.',
  needs: ['engine'],
  runs: 1,
  run: async (context) => {
    const byHand = await withAppliance('1.0.0', (appliance) =>
      underLoad(appliance, () => replaced(appliance, () => byCompose(appliance))),
    );
    const { path } = await demoBundle('1.0.0', (text) =>
      otherSettings(text.replace('version: 1.0.0', 'version: 1.0.1')),
    );
    const ours = await withAppliance('1.0.0', (appliance) =>
      underLoad(appliance, () => replaced(appliance, () => appliance.onstead(['upgrade', path, '--yes']))),
    );
    tell(context, ours, byHand);
  },
};

function tell({ emit, progress }: BenchContext, ours: UnderLoad, byHand: UnderLoad): void {
  const [failures, handFailures] = [failuresIn(ours.during), failuresIn(byHand.during)];
  for (const one of failures.slice(0, 10)) progress(JSON.stringify(one));
  emit({
    metric: 'failed requests',
    value: failures.length,
    unit: 'requests',
    ...(handFailures.length === 0 ? {} : { baseline: handFailures.length }),
    goal: { of: 'value', is: '=', than: 0 },
    runs: 1,
    note: `of ${ours.during.length}; by hand ${handFailures.length} of ${byHand.during.length} in ${short(spanOf(handFailures))} s`,
  });
  emit({
    metric: 'longest gap in writes',
    value: longestWritingGap(ours.during),
    unit: 's',
    baseline: longestWritingGap(byHand.during),
    runs: 1,
    note: 'from one write that was answered well to the next',
  });
  const longest = ({ during }: UnderLoad): number => Math.max(...during.map(({ tookMs }) => tookMs)) / 1000;
  emit({
    metric: 'longest answer',
    value: longest(ours),
    unit: 's',
    baseline: longest(byHand),
    runs: 1,
    note: 'held and then answered; by hand the longest of all, failed ones too',
  });
}

/** What a person would do with the stack's folder. */
async function byCompose(appliance: TestAppliance): Promise<CliResult> {
  const file = join(appliance.paths.stack, 'compose.yaml');
  await writeFile(file, otherSettings(await readFile(file, 'utf8')));
  return appliance.compose(['up', '-d', '--wait', '--quiet-pull']);
}

/** Throws where the work failed, or MySQL is the one of before. */
async function replaced(appliance: TestAppliance, work: () => Promise<CliResult>): Promise<CliResult> {
  const { engine, project } = appliance;
  const containers = () => engine.containers.list({ project, service: 'mysql' });
  const [before] = await containers();
  const result = await work();
  if (result.code !== 0)
    throw new Error(`It ended with code ${result.code}: ${result.stdout}${result.stderr}`);
  const [after] = await containers();
  if (after === undefined || after.id === before?.id) throw new Error('MySQL was not replaced.');
  return result;
}
