// A release that turns bad under load is taken back by itself: how long its bad answers reach people, and how many.

import { demoBundle } from '../e2e/demo-bundle.ts';
import type { UserSample } from '../e2e/users.ts';
import type { Bench } from './bench.ts';
import { failuresIn, spanOf, underLoad, withAppliance } from './upgrade-lab.ts';

const TAKEN_BACK = 5;
const SLOW_MS = 900;

/** Which answers of a bad release are bad. */
const BAD: Readonly<Record<string, (sample: UserSample) => boolean>> = {
  errors: ({ failure }) => failure !== undefined,
  slow: ({ failure, tookMs }) => failure !== undefined || tookMs >= SLOW_MS,
};

export const bench: Bench = {
  name: 'rollback',
  proves:
    'A bad release is taken back by itself within seconds, and what it does not answer badly is answered.',
  needs: ['engine'],
  runs: 1,
  run: async ({ emit, progress }) => {
    for (const [release, isBad] of Object.entries(BAD)) {
      const { path } = await demoBundle(release);
      const { during, result } = await withAppliance('1.1.0', (appliance) =>
        underLoad(appliance, () => appliance.onstead(['upgrade', path, '--yes'])),
      );
      if (result.code !== TAKEN_BACK)
        throw new Error(`It was not taken back: ${result.stdout}${result.stderr}`);
      progress(result.stderr.trim().split('\n').slice(-2).join(' '));
      const bad = during.filter(isBad);
      emit({
        metric: `${release}: from the first bad sample to the last bad answer`,
        value: spanOf(bad),
        unit: 's',
        runs: 1,
        note: 'rolling; 5 % of answers are errors, or each takes 0.9 s longer',
      });
      emit({
        metric: `${release}: bad requests`,
        value: bad.length / during.length,
        unit: 'share',
        runs: 1,
        note: `${bad.length} of ${during.length} while the upgrade went on`,
      });
      emit({
        metric: `${release}: failed requests that the release did not answer`,
        value: failuresIn(during).filter(({ status }) => status !== 500).length,
        unit: 'requests',
        goal: { of: 'value', is: '=', than: 0 },
        runs: 1,
      });
    }
  },
};
