// What a rehearsal does, as data: nothing of the running stack is in its steps but the copy that is taken of its data.

import t from 'tap';
import { planRehearsal, type RehearsalTarget } from '../../../src/deploy/rehearsal/plan.ts';
import { rehearsalExecutors, type DeployTools } from '../../../src/deploy/index.ts';
import { LEFT_FREE_BYTES, tooShort } from '../../../src/deploy/rehearsal/measure.ts';
import { summaryOf } from '../../../src/deploy/rehearsal/try-steps.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { MIB } from '../../../src/base/units.ts';
import { parseRelease } from '../../../src/release/index.ts';
import { scratchPlan } from '../../../src/sizing/index.ts';
import { pointsVolumePin, sizingDemandFrom } from '../../../src/stack/index.ts';
import { releaseText } from '../stack/lab.ts';
import { targetOf } from './plan-target.ts';

const release = parseRelease(releaseText, 'compose.yaml');
const plain = targetOf(release);
const target: RehearsalTarget = {
  ...plain,
  volumes: [...plain.volumes, pointsVolumePin('notes')],
  scratch: scratchPlan(plain.sizing, sizingDemandFrom(release)),
  databases: [{ service: 'mysql', key: 'mysql-data' }],
};
const steps = planRehearsal(target, { images: plain.images.slice(1).map(({ tag }) => tag) });

t.test('data first, then the migration, then the app; and at the end nothing is left', async (t) => {
  t.strictSame(
    steps.map(({ type }) => type),
    [
      ...['preflight', 'verify-bundle', 'load-images', 'set-up-scratch', 'fill-scratch', 'start-scratch'],
      ...['fill-scratch-buckets', 'try-migration', 'start-scratch', 'try-answers', 'report-rehearsal'],
      'remove-scratch',
    ],
  );
  const last = steps.at(-1)!;
  t.strictSame(last.input, { images: [plain.images[0]!.tag] }, 'only what it loads itself is removed');
});

t.test('whatever fails, the way back removes all of it', async (t) => {
  const executors = rehearsalExecutors({ paths: pathsUnder('/nowhere') } as DeployTools);
  const ways = steps.filter(({ type }) => executors[type as keyof typeof executors].undo !== undefined);
  t.strictSame(
    ways.map(({ type }) => type),
    ['load-images', 'set-up-scratch'],
  );
});

t.test('it works in a project and volumes of its own', async (t) => {
  const working = steps.filter(({ type }) => /scratch|try/.test(type) && type !== 'remove-scratch');
  for (const { type, input } of working) {
    const { project, stack } = input as { project?: string; stack?: { project: string } };
    if (type !== 'fill-scratch') t.equal(project ?? stack?.project, 'notes-rehearsal', type);
  }
  const { stack } = steps.find(({ type }) => type === 'set-up-scratch')!.input as {
    stack: { volumes: { name: string }[] };
  };
  t.ok(stack.volumes.every(({ name }) => name.startsWith('notes-rehearsal_')));
  t.ok(stack.volumes.some(({ name }) => name === 'notes-rehearsal_points'));
});

t.test('nobody works there but the data services and one replica of the app', async (t) => {
  const started = steps
    .filter(({ type }) => type === 'start-scratch')
    .flatMap(({ input }) => (input as { services: string[] }).services);
  t.strictSame(started.toSorted(), ['app', 'minio', 'mysql', 'redis']);
  t.ok(target.scratch.services.every(({ replicas }) => replicas === 1));
});

t.test('the scratch stack fits into the memory that is set aside for it', async (t) => {
  const aside = plain.sizing.reserves.find(({ name }) => name === 'scratch')!.memoryBytes;
  const taken = target.scratch.services
    .filter(({ role }) => role !== 'nginx')
    .reduce((sum, { memoryLimitBytes }) => sum + memoryLimitBytes, 0);
  t.ok(taken <= aside, `${taken} of ${aside}`);
  const mysql = target.scratch.services.find(({ role }) => role === 'mysql')!;
  t.ok(Number(mysql.settings['innodb_buffer_pool_size']) >= 16 * MIB);
  t.ok(Number(mysql.settings['innodb_buffer_pool_size']) < mysql.memoryLimitBytes / 1.5);
});

t.test('what was seen is one sentence, with the times of the newest run of each step', async (t) => {
  const at = (second: number): string => new Date(Date.UTC(2026, 10, 21, 3, 0, second)).toISOString();
  const ran = (type: string, from: number, to: number) => ({
    type,
    startedAt: at(from),
    finishedAt: at(to),
  });
  const said = summaryOf(
    [
      ran('fill-scratch', 0, 3),
      ran('start-scratch', 3, 9),
      ran('try-migration', 10, 32),
      ran('start-scratch', 32, 36),
      { type: 'try-answers', startedAt: at(36), finishedAt: null },
    ],
    { memoryBytes: 700 * MIB, diskBytes: 210 * MIB },
  );
  t.equal(
    said,
    'data copied in 3.0 s, migrated in 22 s, healthy 4.0 s after its start; 700 MB of memory and 210 MB of disk at most',
  );
});

t.test('the running stack is never robbed of its last gigabyte', async (t) => {
  t.equal(tooShort(LEFT_FREE_BYTES), undefined);
  t.match(tooShort(LEFT_FREE_BYTES - 1), { code: 'rehearsal.disk-short', next: /rehearse again/ });
});
