// The plan of an upgrade as a person reads it: one screen, and nothing of it only in colour.

import t from 'tap';
import { GIB, MIB } from '../../../src/base/units.ts';
import type { PlanAnswer, RollbackPreview, UpgradePreview } from '../../../src/api/schemas.ts';
import { linesOf, onstead, openDaemon } from './cli-lab.ts';

const preview: UpgradePreview = {
  from: '1.0.0',
  to: '1.1.0',
  images: [
    { services: ['app'], repository: 'demo/notes', isNew: false, bytes: 165 * MIB, loadBytes: 3 * MIB },
    { services: ['mail'], repository: 'demo/mail', isNew: true, bytes: 20 * MIB, loadBytes: 20 * MIB },
  ],
  sameImages: 4,
  rehearsal: {
    at: '2026-11-21T03:04:05.000Z',
    passed: false,
    sentence: 'The migration failed: no such column',
  },
  migrations: [
    { service: 'app', command: 'migrate up', isReversible: true, back: 'migrate down', timeoutMs: 1 },
    { service: 'crm', command: 'crm up', isReversible: false, back: null, timeoutMs: 1 },
  ],
  services: [
    {
      service: 'app',
      how: '2 replicas, one after the other',
      ms: 50_400,
      requests: 'answered',
      heldAtMostMs: null,
    },
    { service: 'mysql', how: 'replaced', ms: 9_000, requests: 'wait', heldAtMostMs: 60_000 },
    { service: 'redis', how: 'replaced as a whole', ms: 9_000, requests: 'fail', heldAtMostMs: null },
  ],
  strategies: [
    {
      ...{ service: 'app', strategy: 'rolling', why: 'rolling, as the release says', isOffer: false },
      ...{ besideBytes: 1, spareBytes: 2 },
    },
  ],
  disk: [
    {
      path: '/var/lib/docker',
      needs: [
        { what: 'images', bytes: 256 * MIB },
        { what: 'the copy of mysql', bytes: 616 * MIB },
      ],
      ...{ neededBytes: 872 * MIB, freeBytes: 50 * GIB },
    },
    {
      path: '/var/lib/onstead',
      needs: [{ what: 'the next stack', bytes: 64 * MIB }],
      ...{ neededBytes: 64 * MIB, freeBytes: 50 * GIB },
    },
  ],
  point: { databases: [{ service: 'mysql', bytes: 616 * MIB }], stores: ['minio'] },
  setAside: [
    {
      ...{ id: 'upgrade-7', operation: 'upgrade-7', at: '2026-11-20T05:06:07.000Z', bytes: 120 * MIB },
      ...{ what: '51 rows added', volumes: [], files: [] },
    },
  ],
  rollback: { keepsData: true, sentences: ['`onstead rollback` keeps what was written since.'] },
  time: { ms: 89_000, measured: 7, fixed: 2, assumed: 11 },
  checks: { count: 63, failed: [], warned: ['Kind of disk: it spins'], next: null },
  steps: [
    { type: 'preflight', title: 'Check this machine', ms: 4_000, from: 'measured' },
    { type: 'tidy', title: 'Clear away', ms: 2_000, from: 'assumed' },
  ],
};
const plan: PlanAnswer = {
  ...{ product: 'notes', title: 'Notes', version: '1.1.0', permissions: [], warnings: ['Mind this.'] },
  ...{ steps: preview.steps.map(({ type, title }) => ({ type, title })), upgrade: preview },
};
const answering = (upgrade: UpgradePreview) => ({
  'POST /api/upgrade': linesOf([{ kind: 'plan', plan: { ...plan, upgrade } }]),
});

t.test('the whole plan stands on one screen', async (t) => {
  const socket = await openDaemon(t, answering(preview));
  const { code, out } = await onstead(['upgrade', 'x.tar'], { socket });
  t.equal(code, 0);
  t.equal(
    out,
    `Notes 1.0.0 → 1.1.0, 2 steps

Images      app   165 MB, 3 MB to load (demo/notes)
            mail  new, 20 MB, all of it to load (demo/mail)
                  4 others stay as they are
Migrations  app  reversible: migrate up
            crm  irreversible: crm up
Replaced    app    2 replicas, one after the other; about 50 s; requests are answered
            mysql  replaced; about 9.0 s; requests wait, at most 1 min
            redis  replaced as a whole; about 9.0 s; requests that need it may fail
Strategy    app  rolling, as the release says
Disk        /var/lib/docker   needs 872 MB (images 256 MB, the copy of mysql 616 MB); 50 GB free
            /var/lib/onstead  needs 64 MB for the next stack; 50 GB free
Way back    A restore point of 1.0.0 is kept: images, configuration, a copy of mysql (616 MB), the objects of minio as versions
            \`onstead rollback\` keeps what was written since.
Removes     what was set aside at 2026-11-20 05:06 UTC, 120 MB (51 rows added), once this has succeeded; see \`onstead set-aside show upgrade-7\`
Rehearsed   2026-11-21 03:04 UTC: failed. The migration failed: no such column
Time        about 1 min 29 s: 7 steps as measured on this machine, 2 as long as the settings say, 11 assumed
Preflight   63 checks, none fails; warnings: Kind of disk

! Mind this.
Nothing was changed. Add --yes to do it.
`,
  );
});

t.test('on a narrow terminal every line fits', async (t) => {
  const socket = await openDaemon(t, answering(preview));
  const { out } = await onstead(['upgrade', 'x.tar'], {
    socket,
    tty: true,
    columns: 80,
    env: { NO_COLOR: '1' },
  });
  const long = out.split('\n').filter((line) => line.length > 80);
  t.strictSame(long, []);
});

t.test('the steps are listed when they are asked for, each with its time', async (t) => {
  const socket = await openDaemon(t, answering(preview));
  const { out } = await onstead(['upgrade', 'x.tar', '--steps'], { socket });
  t.match(out, / {3}1 {2}4\.0 s {2}Check this machine\n {3}2 {2}2\.0 s {2}Clear away \(assumed\)\n/);
});

t.test('a machine that is not ready is told so with what to do, and by the exit code', async (t) => {
  const checks = { count: 63, failed: ['Room: 1 GB free'], warned: [], next: 'Make room.' };
  const socket = await openDaemon(t, answering({ ...preview, checks }));
  const { code, out } = await onstead(['upgrade', 'x.tar'], { socket });
  t.equal(code, 4);
  t.match(
    out,
    /Preflight {3}1 of 63 checks fail, so it would not begin:\n +- Room: 1 GB free\n +Next: Make room\./,
  );
});

t.test('a program reads all of it', async (t) => {
  const socket = await openDaemon(t, answering(preview));
  const { out } = await onstead(['upgrade', 'x.tar', '--json'], { socket });
  t.strictSame(JSON.parse(out), plan);
});

const back: RollbackPreview = {
  ...{ from: '1.1.0', to: '1.0.0', data: 'keep' },
  point: { id: 'upgrade-1', kind: 'upgrade', keptAt: '2026-11-21T18:11:19.000Z' },
  since: {
    databases: [
      {
        ...{ service: 'mysql', schemaChanges: 0, isComplete: true },
        tables: [{ table: 'notes.notes', inserted: 12, updated: 0, deleted: 0 }],
      },
    ],
    ...{ objects: { written: 0, deleted: 0 }, hasMigrations: false, unknown: [] },
  },
  migrations: [{ service: 'app', command: 'migrate down' }],
  keeps: preview.point,
  ...{ services: preview.services.slice(0, 1), strategies: preview.strategies, disk: preview.disk },
  ...{ time: preview.time, checks: preview.checks, setAside: preview.setAside, steps: preview.steps },
};
const goingBack = (rollback: RollbackPreview) => {
  const { upgrade: _, ...others } = plan;
  return { 'POST /api/rollback': linesOf([{ kind: 'plan', plan: { ...others, rollback } }]) };
};

t.test('the plan of a rollback says where it leads, and as much as the plan of an upgrade', async (t) => {
  const socket = await openDaemon(t, goingBack(back));
  const { code, out } = await onstead(['rollback', '--steps'], { socket });
  t.equal(code, 0);
  t.equal(
    out,
    `Notes 1.1.0 → 1.0.0, 2 steps

Back to    1.0.0 as it was before upgrade-1, kept at 2026-11-21 18:11 UTC
Data       stays as it is now
           the migrations of app are taken back: migrate down
Replaced   app  2 replicas, one after the other; about 50 s; requests are answered
Strategy   app  rolling, as the release says
Disk       /var/lib/docker   needs 872 MB (images 256 MB, the copy of mysql 616 MB); 50 GB free
           /var/lib/onstead  needs 64 MB for the next stack; 50 GB free
Way back   A restore point of 1.1.0 is kept: images, configuration, a copy of mysql (616 MB), the objects of minio as versions
Removes    what was set aside at 2026-11-20 05:06 UTC, 120 MB (51 rows added), once this has succeeded; see \`onstead set-aside show upgrade-7\`
Time       about 1 min 29 s: 7 steps as measured on this machine, 2 as long as the settings say, 11 assumed
Preflight  63 checks, none fails; warnings: Kind of disk

   1  4.0 s  Check this machine
   2  2.0 s  Clear away (assumed)

! Mind this.
Nothing was changed. Add --yes to do it.
`,
  );
});

t.test('a rollback that lacks room says so by its exit code too', async (t) => {
  const checks = { count: 63, failed: ['Room: 1 GB free'], warned: [], next: 'Make room.' };
  const socket = await openDaemon(t, goingBack({ ...back, checks }));
  t.equal((await onstead(['rollback'], { socket })).code, 4);
});
