// Is it well, in one sentence, over a real journal and containers of the test's own.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import { howToRestart } from '../../../src/base/own-service.ts';
import { pathsUnder } from '../../../src/base/paths.ts';
import { GIB } from '../../../src/base/units.ts';
import { createLogger } from '../../../src/base/log.ts';
import { createAppliance } from '../../../src/api/index.ts';
import { readServices } from '../../../src/api/service-view.ts';
import { readStatus } from '../../../src/api/status-view.ts';
import { writeFact } from '../../../src/deploy/facts.ts';
import type { Appointment, Appointments, DeployTools } from '../../../src/deploy/index.ts';
import { parseRelease } from '../../../src/release/index.ts';
import type { Runner } from '../../../src/journal/index.ts';
import { certificateSecrets, ensureCertificates } from '../../../src/stack/index.ts';
import { openJournal, operationOf, type JournalLab } from '../journal/lab.ts';
import { inputFor, openStore, releaseText, settings } from '../stack/lab.ts';

interface Container {
  readonly service: string;
  readonly status?: string;
  readonly health?: string;
  readonly oneOff?: boolean;
  readonly finished?: Date;
  readonly published?: readonly object[];
}

async function toolsWith(
  t: { teardown(end: () => unknown): void },
  containers: readonly Container[],
): Promise<JournalLab & { tools: DeployTools }> {
  const lab = await openJournal(t);
  await mkdir(pathsUnder(lab.folder).state, { recursive: true });
  const secrets = await openStore(lab.folder, lab.clock);
  await secrets.set('mysql_root_password', 'made at the installation');
  const all = containers.map(({ service, oneOff = false }, at) => ({
    id: String(at),
    name: `${service}-${at}`,
    service,
    oneOff,
    image: `x/${service}:1`,
    labels: { 'onstead.role': `role of ${service}` },
  }));
  const inspect = async (id: string) => {
    const one = containers[Number(id)]!;
    const { status = 'running', health = 'healthy', finished, published = [] } = one;
    return {
      id,
      name: all[Number(id)]!.name,
      image: all[Number(id)]!.image,
      labels: all[Number(id)]!.labels,
      status,
      health,
      restarts: 0,
      started: undefined,
      finished,
      published,
      memoryLimitBytes: 7,
    };
  };
  const engine = { containers: { list: async () => all, inspect } };
  const tools = {
    journal: lab.journal,
    secrets,
    clock: lab.clock,
    log: createLogger('silent'),
    settings: () => settings,
    paths: pathsUnder(lab.folder),
    engine: async () => engine,
  };
  return { ...lab, tools: tools as unknown as DeployTools };
}

const release = parseRelease(releaseText, 'compose.yaml');
const { plan } = inputFor(release);
const edge: Container = {
  service: 'onstead-edge',
  published: [
    { address: '0.0.0.0', hostPort: 80, containerPort: 80 },
    { address: '0.0.0.0', hostPort: 443, containerPort: 443 },
  ],
};
const inside: Container[] = plan.services.flatMap(({ name, replicas }) =>
  Array.from({ length: replicas }, () => ({ service: name })),
);
const everything = [...inside, edge];
const installed = {
  product: 'notes',
  title: 'Notes',
  version: '1.0.0',
  project: 'notes',
  keyId: 'K',
  bundle: 'b',
  installedAt: '2026-11-21T05:00:00Z',
};

t.test('nothing is installed yet', async (t) => {
  const { tools } = await toolsWith(t, []);
  t.match(await readStatus(tools), {
    sentence: 'Nothing is installed yet.',
    well: true,
    release: null,
    addresses: [],
    certificateEnds: null,
    services: [],
    operation: null,
    attention: [],
  });
});

t.test('all is well', async (t) => {
  const { tools, journal, clock } = await toolsWith(t, everything);
  journal.setFact('installed', installed);
  journal.setFact('sizing', plan);
  await ensureCertificates(tools.secrets, ['localhost'], clock);
  const status = await readStatus(tools);
  t.match(status, {
    sentence: 'Notes is well: 6 services run.',
    well: true,
    release: { title: 'Notes', version: '1.0.0' },
    addresses: ['https://localhost'],
    certificateEnds: '2027-12-23T05:00:00.000Z',
    attention: [],
  });
  for (const { name, wanted, well } of status.services) t.equal(well, wanted, name);
});

t.test('a replica that is unhealthy or starts is named with the command to look', async (t) => {
  for (const health of ['unhealthy', 'starting']) {
    const containers = everything.map((one) => (one.service === 'redis' ? { ...one, health } : one));
    const { tools, journal } = await toolsWith(t, containers);
    journal.setFact('installed', installed);
    journal.setFact('sizing', plan);
    t.match(await readStatus(tools), {
      sentence: 'Notes is not well: redis.',
      well: false,
      attention: [{ what: 'redis is not well.', command: 'onstead logs redis' }],
    });
  }
});

t.test('lost secrets are pointed out while everything still runs', async (t) => {
  const { tools, journal } = await toolsWith(t, everything);
  journal.setFact('installed', installed);
  journal.setFact('sizing', plan);
  await tools.secrets.remove(tools.secrets.names());
  t.match(await readStatus(tools), {
    well: false,
    attention: [
      { what: /secrets\.json is gone.*copy it away/, command: /^cp -a .*\/run\/onstead\/secrets \/root\/$/ },
    ],
  });
});

t.test('each service is expected, the edge too, and what does not run is to be brought up', async (t) => {
  for (const { name } of [...plan.services, { name: 'onstead-edge' }]) {
    const { tools, journal } = await toolsWith(
      t,
      everything.filter(({ service }) => service !== name),
    );
    journal.setFact('installed', installed);
    journal.setFact('sizing', plan);
    const status = await readStatus(tools);
    t.match(status, {
      sentence: `Notes is not well: ${name}.`,
      well: false,
      attention: [
        {
          what: `${name} has no container. If this does not bring it up, \`onstead install BUNDLE\` does.`,
          command: 'onstead boot',
        },
      ],
    });
    t.equal(status.attention.length, 1);
    t.equal(
      status.addresses.length,
      name === 'onstead-edge' ? 0 : 1,
      'an address only where somebody answers',
    );
  }
  const { tools, journal } = await toolsWith(t, []);
  journal.setFact('installed', installed);
  journal.setFact('sizing', plan);
  const { attention, services, well } = await readStatus(tools);
  t.equal(well, false);
  t.match(attention, [
    { what: /^app has no container, .*onstead-edge has no container/, command: 'onstead boot' },
  ]);
  t.equal(attention.length, 1, 'one command for all of them');
  t.equal(services.length, plan.services.length + 1);
});

t.test('a stopped container is told as stopped, since it stopped, and not by its last health', async (t) => {
  const stopped = { status: 'exited', health: 'unhealthy' };
  const lab = await toolsWith(
    t,
    everything.map((one) =>
      one.service === 'redis' ? { ...one, ...stopped, finished: new Date('2026-11-21T04:00:00Z') } : one,
    ),
  );
  const { tools, journal, clock } = lab;
  journal.setFact('installed', installed);
  journal.setFact('sizing', plan);
  const status = await readStatus(tools);
  t.equal(clock.now().toISOString().slice(0, 13), '2026-11-21T05');
  t.match(status.attention, [{ what: /^redis stopped 1 h ago\. If this/, command: 'onstead boot' }]);
  t.match(
    status.services.find(({ name }) => name === 'redis'),
    {
      replicas: [{ state: 'exited', health: 'none', since: '2026-11-21T04:00:00.000Z' }],
    },
  );
});

t.test('the addresses are those that the running edge publishes; other settings wait', async (t) => {
  const published = [
    { address: '10.0.0.7', hostPort: 8080, containerPort: 80 },
    { address: '10.0.0.7', hostPort: 2024, containerPort: 443 },
  ];
  const { tools, journal } = await toolsWith(t, [...inside, { service: 'onstead-edge', published }]);
  journal.setFact('installed', installed);
  journal.setFact('sizing', plan);
  t.match(await readStatus(tools), {
    well: true,
    addresses: ['https://10.0.0.7:2024'],
    attention: [
      {
        what: /onstead\.yaml asks for http 80 and https 443, the edge listens at http 8080 and https 2024 of 10\.0\.0\.7; that changes with the next installation/,
        command: 'onstead install BUNDLE',
      },
    ],
  });
});

t.test(
  'a service that is known but has no container has its own answer to who asks for its logs',
  async (t) => {
    const { tools, journal } = await toolsWith(t, []);
    journal.setFact('installed', installed);
    journal.setFact('sizing', plan);
    const appliance = createAppliance(tools, {} as Runner, {} as Appointments);
    const query = { tail: 1, follow: false, signal: new AbortController().signal };
    const ask = (service: string) => appliance.logs(service, query)[Symbol.asyncIterator]().next();
    await t.rejects(ask('app'), {
      code: 'service.no-container',
      next: /`onstead boot`.*`onstead install BUNDLE`/,
    });
    await t.rejects(ask('nobody'), { code: 'service.unknown' });
  },
);

t.test('an operation is under way until it is stuck, and then it needs a person', async (t) => {
  const { tools, journal } = await toolsWith(t, []);
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  t.match(await readStatus(tools), {
    sentence: 'Try it: under way.',
    well: true,
    operation: { id, state: 'running' },
  });
  journal.move(id, 'stuck');
  const status = await readStatus(tools);
  t.match(status, {
    well: false,
    operation: { state: 'stuck' },
    attention: [{ what: '"Try it" is stuck.', command: `onstead operations show ${id}` }],
  });
  t.match(status.sentence, /stuck/);
  t.notMatch(status.sentence, /under way/);
});

t.test('one-off containers are no replicas, and services are told in their order', async (t) => {
  const { tools, journal } = await toolsWith(t, [
    { service: 'b' },
    { service: 'a' },
    { service: 'a', oneOff: true },
    { service: 'a', health: 'none' },
  ]);
  t.strictSame(await readServices(tools), [], 'without a project nothing is ours');
  journal.setFact('installed', installed);
  t.match(await readServices(tools), [
    {
      name: 'a',
      role: 'role of a',
      wanted: 1,
      well: 2,
      replicas: [{ container: 'a-1' }, { container: 'a-3' }],
      memoryLimitBytes: 7,
    },
    { name: 'b', well: 1, replicas: [{ container: 'b-0', health: 'healthy' }] },
    { name: 'onstead-edge', role: 'edge', well: 0 },
  ]);
});

t.test('an engine that is away or hangs is part of the answer, beside what is installed', async (t) => {
  const away = new OnsteadError('engine.unreachable', 'Nothing listens there.', { next: 'Start it.' });
  const hanging = { containers: { list: () => new Promise(() => {}) } };
  for (const [engine, message, next] of [
    [() => Promise.reject(away), 'Nothing listens there.', 'Start it.'],
    [async () => hanging, 'It gave no answer within 10 s.', /journalctl -u docker/],
  ] as const) {
    const { tools, journal } = await toolsWith(t, everything);
    journal.setFact('installed', installed);
    journal.setFact('sizing', plan);
    const status = await readStatus({ ...tools, engine } as unknown as DeployTools);
    t.match(status, {
      sentence: 'Notes is installed; how it is cannot be told without the engine.',
      well: false,
      release: { title: 'Notes', version: '1.0.0' },
      addresses: ['https://localhost'],
      engineTrouble: { message, next },
      attention: [
        { what: /^The engine does not answer: .*(Start it|journalctl)/, command: 'docker version' },
      ],
    });
    t.equal(status.attention.length, 1, 'no service is blamed');
    t.strictSame(
      status.services.map(({ name }) => name),
      [...plan.services.map(({ name }) => name), 'onstead-edge'].toSorted(),
    );
    for (const { well, replicas } of status.services) t.strictSame([well, replicas], [0, []]);
  }
});

t.test('what is no trouble of the engine stays an error', async (t) => {
  const { tools, journal } = await toolsWith(t, everything);
  journal.setFact('installed', installed);
  const engine = (): Promise<never> => Promise.reject(new TypeError('a mistake of ours'));
  await t.rejects(readStatus({ ...tools, engine }), /a mistake of ours/);
});

t.test(
  'settings that were changed under the daemon are pointed out, and nothing is called ill',
  async (t) => {
    const { tools } = await toolsWith(t, []);
    const { settings: path } = tools.paths;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '# the same in other words\nedge: { http: 80 }\n');
    t.strictSame((await readStatus(tools)).attention, []);
    await writeFile(path, 'edge: { http: 8080 }\n');
    t.match(await readStatus(tools), {
      well: true,
      attention: [
        { what: /onstead\.yaml was changed; .* started again/, command: howToRestart(tools.paths) },
      ],
    });
    await writeFile(path, 'edge: { http: none }\n');
    t.match(await readStatus(tools), {
      well: true,
      attention: [
        { what: /would not start again: .*have a mistake.*:1:15 "http" is "none"/, command: `vi ${path}` },
      ],
    });
  },
);

t.test('what the daemon logs holds no secret of this appliance', async (t) => {
  const { tools } = await toolsWith(t, []);
  const written: string[] = [];
  const log = createLogger('info', { write: (line) => void written.push(line) });
  createAppliance({ ...tools, log }, {} as Runner, {} as Appointments);
  await tools.secrets.ensure(['mysql_password']);
  await ensureCertificates(tools.secrets, ['localhost'], tools.clock);
  const password = tools.secrets.get('mysql_password');
  const key = tools.secrets.get(certificateSecrets.serverKey);
  const cause = new Error(`nginx: cannot load key ${key}`);
  const err = new OnsteadError('compose.failed', `login "app" with "${password}" failed`, { cause });
  log.error({ err, said: { deep: [key, `mysql://app:${password}@mysql`] } }, `mysql said ${password}`);
  const all = written.join('');
  t.notMatch(all, password);
  for (const line of key.split('\n').filter((text) => text.length > 30 && !text.startsWith('---')))
    t.notOk(all.includes(line), 'no line of the private key');
  t.match(JSON.parse(all), { msg: 'mysql said [secret]', err: { message: /with "\[secret\]" failed/ } });
});

t.test(
  'an upgrade that is planned for later is told, and what is wrong with it needs a person',
  async (t) => {
    const { tools } = await toolsWith(t, []);
    const { paths } = tools;
    const planned: Appointment = {
      ...{
        id: 'upgrade-1',
        title: 'Upgrade Notes',
        at: '2026-11-22T01:30:00.000Z',
        wall: '2026-11-22 02:30',
      },
      ...{ zone: 'Europe/Zurich', bundle: { path: paths.settings, id: 'abc' }, from: '1.0.0', error: null },
      ...{ irreversible: false, state: 'waiting' },
    };
    const attentionTo = async (one: Appointment) => (await readStatus(tools, one)).attention;
    const command = 'onstead operations cancel upgrade-1';
    await mkdir(dirname(paths.settings), { recursive: true });
    await writeFile(paths.settings, '');
    t.match(await readStatus(tools, planned), {
      planned: { id: 'upgrade-1', state: 'waiting', message: null },
    });
    t.strictSame(
      (await attentionTo(planned)).filter((one) => one.command === command),
      [],
    );
    const gone = { ...planned, bundle: { path: '/nowhere/b.tar', id: 'abc' } };
    t.match(await attentionTo(gone), [{ what: /is not at \/nowhere\/b\.tar any more/, command }]);
    const error = { code: 'operation.missed', message: 'It was missed.', next: 'Plan it anew.' };
    t.match(await attentionTo({ ...planned, state: 'missed', error }), [
      { what: 'It was missed. Plan it anew.', command },
    ]);
    t.equal((await readStatus(tools)).planned, null);
  },
);

t.test(
  'an upgrade that failed in the night is told in the morning, until something else is done',
  async (t) => {
    const { tools } = await toolsWith(t, []);
    const { journal } = tools;
    const failedWith = (code: 'gate.errors' | 'operation.halted'): string => {
      const { id } = journal.create({ ...operationOf('one'), kind: 'upgrade', title: 'Upgrade Notes' });
      journal.move(id, 'running');
      journal.move(id, 'rolling-back', new OnsteadError(code, 'It was bad.', { next: 'Ask the vendor.' }));
      journal.move(id, 'rolled-back');
      return id;
    };
    const command = `onstead operations show ${failedWith('gate.errors')}`;
    const told = { what: '"Upgrade Notes" failed and was taken back: It was bad.', command };
    t.match(
      (await readStatus(tools)).attention.filter((one) => one.command === command),
      [told],
    );
    failedWith('operation.halted');
    t.notOk(
      (await readStatus(tools)).attention.some(({ what }) => what.includes('failed and was taken back')),
    );
  },
);

t.test('the limit of the disk is told where it is nearly reached, and is no illness', async (t) => {
  const { tools, journal } = await toolsWith(t, []);
  const limited = { ...tools, settings: () => ({ ...settings, limits: { diskBytes: 2 * GIB } }) };
  const limitIn = async (): Promise<string[]> =>
    (await readStatus(limited)).attention.flatMap(({ what }) => (/limits\.disk/.test(what) ? [what] : []));
  t.strictSame(await limitIn(), [], 'nobody has looked yet');
  writeFact(journal, 'diskUse', { bytes: 1.7 * GIB, at: '2026-11-21T03:17:00.000Z' });
  t.strictSame(await limitIn(), []);
  writeFact(journal, 'diskUse', { bytes: 2.3 * GIB, at: '2026-11-21T03:17:00.000Z' });
  t.match(await limitIn(), [
    /take 2\.3 GB of the 2 GB that limits\.disk allows \(as of 2026-11-21 03:17 UTC/,
  ]);
  t.equal((await readStatus(limited)).well, true);
});

t.test('a copy under way hides neither how the stack is nor what changes it', async (t) => {
  const { tools, journal } = await toolsWith(t, everything);
  journal.setFact('installed', installed);
  journal.setFact('sizing', plan);
  const copy = journal.create({ ...operationOf('one'), kind: 'backup', title: 'Back up Notes' });
  const alone = await readStatus(tools);
  t.match(alone, {
    sentence: 'Notes is well: 6 services run.',
    well: true,
    operation: { id: copy.id, lane: 'copy' },
    operations: [{ id: copy.id, title: 'Back up Notes', state: 'planned' }],
  });
  const change = journal.create({ ...operationOf('one'), kind: 'upgrade', title: 'Upgrade Notes' });
  const both = await readStatus(tools);
  t.match(both, { sentence: 'Upgrade Notes: under way.', operation: { id: change.id } });
  t.strictSame(
    both.operations.map(({ id, lane }) => [id, lane]),
    [
      [change.id, 'stack'],
      [copy.id, 'copy'],
    ],
  );
  for (const { id } of [copy, change]) journal.move(id, 'stuck');
  t.match(await readStatus(tools), {
    sentence: 'Upgrade Notes: stuck, and a person has to look.',
    well: false,
    attention: [
      { what: '"Upgrade Notes" is stuck.', command: `onstead operations show ${change.id}` },
      { what: '"Back up Notes" is stuck.', command: `onstead operations show ${copy.id}` },
    ],
  });
});

t.test('what failed in the night is told in the morning, whatever was copied since', async (t) => {
  const { tools, journal } = await toolsWith(t, everything);
  const upgrade = journal.create({ ...operationOf('one'), kind: 'upgrade', title: 'Upgrade Notes' });
  journal.move(upgrade.id, 'running');
  journal.move(upgrade.id, 'rolling-back', new OnsteadError('gate.errors', 'It was bad.', { next: 'Ask.' }));
  journal.move(upgrade.id, 'rolled-back');
  const copy = journal.create({ ...operationOf('one'), kind: 'backup' });
  journal.move(copy.id, 'running');
  journal.move(copy.id, 'done');
  t.match(
    (await readStatus(tools)).attention.filter(({ what }) => what.includes('Upgrade Notes')),
    [{ what: '"Upgrade Notes" failed and was taken back: It was bad.' }],
  );
});
