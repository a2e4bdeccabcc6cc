// People at work notice nothing of an upgrade, whatever the strategy; beside it `docker compose up -d` of the same
// change on an equal stack.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliResult, TestAppliance } from '../e2e/appliance.ts';
import { demoBundle } from '../e2e/demo-bundle.ts';
import type { Bench, BenchContext } from './bench.ts';
import { short } from './statistics.ts';
import { failuresIn, p99Of, spanOf, underLoad, withAppliance, type UnderLoad } from './upgrade-lab.ts';

const STRATEGIES = ['rolling', 'blue-green', 'canary'];
const APP_IMAGE = /[\w./-]+\/notes:sha256-[0-9a-f]+/g;
const MIGRATE = ['run', '--rm', '-T', 'app', 'node', '/app/src/main.ts', 'migrate', 'up'];

export const bench: Bench = {
  name: 'upgrade',
  proves:
    'An upgrade from 1.0.0 to 1.1.0 under load fails no request, and p99 during it is at most 1.5 times the p99 before.',
  needs: ['engine'],
  runs: 1,
  run: async (context) => {
    const byHand = await withAppliance('1.0.0', (appliance) =>
      underLoad(appliance, () => byCompose(appliance)),
    );
    const { path } = await demoBundle('1.1.0');
    for (const strategy of STRATEGIES) {
      const words = ['upgrade', path, '--yes', '--strategy', strategy];
      const ours = await withAppliance('1.0.0', (appliance) =>
        underLoad(appliance, async () => succeeded(await appliance.onstead(words))),
      );
      tell(context, strategy, ours, byHand);
    }
  },
};

function tell({ emit, progress }: BenchContext, strategy: string, ours: UnderLoad, byHand: UnderLoad): void {
  const failures = failuresIn(ours.during);
  for (const one of failures.slice(0, 10)) progress(`${strategy}: ${JSON.stringify(one)}`);
  const handFailures = failuresIn(byHand.during);
  emit({
    metric: `${strategy}: failed requests`,
    value: failures.length,
    unit: 'requests',
    ...comparedWith(handFailures.length),
    goal: { of: 'value', is: '=', than: 0 },
    runs: 1,
    note: `of ${ours.during.length}; by hand ${handFailures.length} of ${byHand.during.length}: docker compose up -d, migrated before`,
  });
  emit({
    metric: `${strategy}: outage`,
    value: spanOf(failures),
    unit: 's',
    ...comparedWith(spanOf(handFailures)),
    runs: 1,
    note: 'from the first failed request to the last',
  });
  const [before, during] = [p99Of(ours.before), p99Of(ours.during)];
  emit({
    metric: `${strategy}: p99 during`,
    value: during,
    unit: 'ms',
    baseline: before,
    goal: { of: 'ratio', is: '<=', than: 1.5 },
    runs: 1,
    note: `baseline: p99 before; the upgrade took ${short(spanOf(ours.during))} s`,
  });
}

/** Nothing has no ratio to nothing. */
function comparedWith(baseline: number): { readonly baseline?: number } {
  return baseline === 0 ? {} : { baseline };
}

/** What a person would do with the stack's folder: name the new image, migrate, bring it up. */
export async function byCompose(appliance: TestAppliance): Promise<CliResult> {
  for (const name of ['compose.yaml', 'compose.override.yaml']) {
    const file = join(appliance.paths.stack, name);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(APP_IMAGE, 'onstead-demo/notes:1.1.0'));
  }
  succeeded(await appliance.compose(MIGRATE));
  const result = succeeded(await appliance.compose(['up', '-d', '--wait', '--quiet-pull']));
  const { engine, project } = appliance;
  const replicas = await engine.containers.list({ project, service: 'app', status: ['running'] });
  if (replicas.some(({ image }) => !image.endsWith(':1.1.0'))) throw new Error('It was not changed by hand.');
  return result;
}

function succeeded(result: CliResult): CliResult {
  if (result.code === 0) return result;
  throw new Error(`It ended with code ${result.code}: ${result.stdout}${result.stderr}`);
}
