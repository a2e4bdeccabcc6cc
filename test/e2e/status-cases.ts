// What the status tells of an installed appliance: a machine that was given more or less than it was divided for,
// settings that were changed, an engine that is away. None of it changes anything by itself.

import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import type { ServiceAnswer, StatusAnswer } from '../../src/api/schemas.ts';
import { GIB } from '../../src/base/units.ts';
import type { TestAppliance } from './appliance.ts';
import type { DemoBundle } from './demo-bundle.ts';

/** On an appliance on which that bundle is installed, and nothing else was done. */
export async function statusCases(t: Test, appliance: TestAppliance, bundle: DemoBundle): Promise<void> {
  const services = await servicesNow();

  async function servicesNow(): Promise<ServiceAnswer[]> {
    return JSON.parse((await appliance.onstead(['services', '--json'])).stdout) as ServiceAnswer[];
  }

  async function statusNow(): Promise<StatusAnswer> {
    return JSON.parse((await appliance.onstead(['status', '--json'])).stdout) as StatusAnswer;
  }

  /** The daemon looks at the machine once it runs, which takes a moment. */
  async function statusWhen(isSo: (status: StatusAnswer) => boolean): Promise<StatusAnswer> {
    for (let turn = 0; turn < 100; turn += 1) {
      const status = await statusNow();
      if (isSo(status)) return status;
      await sleep(300);
    }
    throw new Error('the status did not become as expected');
  }

  async function restartWith(limits: string): Promise<void> {
    await appliance.stop();
    await appliance.writeSettings(`limits: ${limits}\n`);
    await appliance.start();
  }

  t.test('as long as nothing changes nothing is offered, also after a restart', async (t) => {
    t.equal((await statusNow()).machineChange, null);
    await restartWith('{ memory: 5G, disk: 40G }');
    await sleep(5_000);
    t.match(await statusNow(), { machineChange: null, well: true, attention: [] });
  });

  t.test(
    'settings that were changed under the daemon are pointed out until it is started again',
    async (t) => {
      await appliance.writeSettings('limits: { memory: 7G, disk: 40G }\n');
      const { code, stdout } = await appliance.onstead(['status']);
      t.equal(code, 0);
      t.match(stdout, /onstead\.yaml was changed; that counts once the daemon is started again/);
      t.equal((await statusNow()).machineChange, null);
    },
  );

  t.test('more memory is offered to each service, with the reason for each number', async (t) => {
    await restartWith('{ memory: 7G, disk: 40G }');
    const { machineChange, well, attention } = await statusWhen(({ machineChange: offer }) => offer !== null);
    t.equal(well, true, 'an offer is no illness');
    t.strictSame(attention, []);
    const { sentence, changes } = machineChange!;
    t.match(
      sentence,
      /may use \d+ CPUs? and 7\.0 GB of memory now; .* shares of \d+ CPUs? and 5\.0 GB of memory\./,
    );
    for (const { name, memoryLimitBytes } of services) {
      const change = changes.find(({ service, key }) => service === name && key === 'memoryLimitBytes');
      if (change === undefined) continue;
      t.equal(change.before, memoryLimitBytes, `${name} has now what the offer says that it has`);
      t.ok(Number(change.after) > memoryLimitBytes, `${name} would get more`);
      t.match(change.why, /./);
    }
    t.ok(changes.some(({ service, key }) => service === 'mysql' && key === 'innodb_buffer_pool_size'));
    t.notOk(changes.some(({ service }) => service === 'disk'));

    const { code, stdout } = await appliance.onstead(['status']);
    t.equal(code, 0);
    t.match(stdout, sentence);
    t.match(stdout, /Dividing the machine anew would give:\n/);
    t.match(stdout, /mysql memory at most: [\d.]+ [MG]B → [\d.]+ [MG]B\n +.*% of 7 GB/);
    t.match(stdout, /and \d+ numbers that follow from these/);
    t.notMatch(stdout, /onstead resize/, 'no command is named that does not exist');
  });

  t.test('nothing was changed by it, neither in the containers nor by an installation', async (t) => {
    const again = await appliance.onstead(['install', bundle.path]);
    t.equal(again.code, 0, again.stderr);
    for (const { name, memoryLimitBytes } of await servicesNow()) {
      t.equal(memoryLimitBytes, services.find((one) => one.name === name)!.memoryLimitBytes, name);
    }
    const containers = await appliance.engine.containers.list({ project: appliance.project });
    for (const { id, service } of containers) {
      const limit = (await appliance.engine.containers.inspect(id))!.memoryLimitBytes;
      const was = services.find(({ name }) => name === service)?.memoryLimitBytes;
      if (was !== undefined && limit > 0) t.equal(limit, was, `${service} on the engine`);
    }
    t.not((await statusNow()).machineChange, null, 'and the offer stands');
  });

  t.test('too little memory is told with what is missing, and the offer goes with its cause', async (t) => {
    await restartWith('{ memory: 1G, disk: 40G }');
    const { machineChange, well } = await statusWhen(({ machineChange: offer }) =>
      /too little/.test(offer?.sentence ?? ''),
    );
    t.match(machineChange, {
      sentence: /needs .* of memory, this machine has 1 GB: .* missing\.$/,
      changes: [],
    });
    t.equal(well, true, 'what runs goes on');
    await restartWith('{ memory: 5G, disk: 40G }');
    t.ok(await statusWhen(({ machineChange: offer }) => offer === null));
    t.ok(services.reduce((sum, { memoryLimitBytes }) => sum + memoryLimitBytes, 0) < 5 * GIB);
  });

  t.test('an edge that is gone is missed, until it is brought up again', async (t) => {
    const inside = await appliance.engine.containers.list({ project: appliance.project });
    const edge = inside.find(({ service }) => service === 'onstead-edge')!;
    const [address] = (await statusNow()).addresses;
    t.match(
      address,
      `https://localhost:${(await appliance.engine.containers.inspect(edge.id))!.published.find(({ containerPort }) => containerPort === 443)!.hostPort}`,
    );
    await appliance.engine.containers.remove(edge.id);
    const { code, stdout } = await appliance.onstead(['status']);
    t.equal(code, 5, stdout);
    t.match(stdout, /● Notes is not well: .*onstead-edge/);
    t.match(stdout, /! .*onstead-edge has no container.*\n +onstead boot\n/);
    t.match(stdout, /● +onstead-edge +no container/);
    t.notMatch(stdout, /https:\/\//, 'nobody answers there');
    const raised = await appliance.onstead(['boot']);
    t.equal(raised.code, 0, raised.stdout + raised.stderr);
    const again = await statusWhen(({ well }) => well);
    t.strictSame(again.addresses, [address]);
  });

  t.test(
    'without an engine, or with one that hangs, it is told what is installed and what to do',
    async (t) => {
      const silent = join(appliance.paths.root, 'silent.sock');
      const server = createServer(() => {});
      await once(server.listen(silent), 'listening');
      t.teardown(() => server.close());
      for (const [socket, message] of [
        [join(appliance.paths.root, 'absent.sock'), /There is no Docker Engine at .*absent\.sock/],
        [silent, /did not answer within 10 s|gave no answer within 10 s/],
      ] as const) {
        await appliance.stop();
        await appliance.start({ DOCKER_HOST: `unix://${socket}` });
        const began = performance.now();
        const told = await appliance.onstead(['status']);
        t.ok(performance.now() - began < 20_000, 'soon');
        t.equal(told.code, 4, told.stdout + told.stderr);
        t.match(
          told.stdout,
          /is installed; how it is cannot be told without the engine\.\n +Notes 1\.0\.0, installed/,
        );
        t.match(told.stdout, /! The engine does not answer: .*\n +\S.*/);
        t.match(told.stdout, message);
        for (const { name } of services.filter(({ role }) => role !== 'edge'))
          t.match(told.stdout, new RegExp(`\\? +${name} +.*not known`));
        const listed = await appliance.onstead(['services', '--json']);
        t.equal(listed.code, 4);
        // Whose patience with a silent engine ends first, the connection's or the status's, is chance.
        t.match(JSON.parse(listed.stdout), {
          error: { code: /^engine\.(unreachable|timeout)$/, message, next: /./ },
        });
      }
      await appliance.stop();
      await appliance.start();
      const { code, stdout } = await appliance.onstead(['status']);
      t.equal(code, 0, stdout);
    },
  );
}
