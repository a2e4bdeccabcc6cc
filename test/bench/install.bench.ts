// An install costs little more than loading the images and starting the containers by hand. Both sides begin with the
// same empty engine, a private one, so that every image is really loaded and nobody else's is touched.

import { readFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestAppliance, type CliResult } from '../e2e/appliance.ts';
import { demoBundle, type DemoBundle } from '../e2e/demo-bundle.ts';
import { PrivateMachine } from '../e2e/private-machine.ts';
import type { ObjectStoreQuestion } from '../../src/stack/object-store.ts';
import type { Bench, BenchContext } from './bench.ts';
import { buildProgram } from './built-program.ts';
import { median, short, spreadText } from './statistics.ts';

const GIVE_UP_MS = 120_000;
const client = new URL('../../src/stack/workers/object-store-worker.ts', import.meta.url).pathname;

export const bench: Bench = {
  name: 'install',
  proves:
    'From a verified bundle to a smoke-tested stack takes at most 1.3 times docker load + docker compose up --wait.',
  needs: ['engine'],
  runs: 3,
  run: async (context) => {
    const folder = join(context.scratch, 'program');
    await mkdir(folder);
    const program = await buildProgram(context.root, folder);
    const bundle = await demoBundle();
    const machine = new PrivateMachine();
    try {
      await machine.boot();
      await machine.startEngine();
      await compare(context, machine, bundle, program);
    } finally {
      await machine.remove();
    }
  },
};

async function compare(
  { scratch, pair, emit }: BenchContext,
  machine: PrivateMachine,
  bundle: DemoBundle,
  program: readonly string[],
): Promise<void> {
  const archive = join(scratch, 'images.tar');
  const seconds = { ours: new Map<string, number[]>(), byHand: new Map<string, number[]>() };
  let appliance: TestAppliance | undefined;
  const ours = async (): Promise<number> => {
    appliance = await TestAppliance.make({ publicKey: bundle.publicKey, machine, program });
    await appliance.start();
    const took = await install(appliance, bundle, seconds.ours);
    await appliance.stop();
    // Anew each time: the names of the images carry the project.
    await inside(appliance, `docker save -o ${archive} $(${STACK_IMAGES})`);
    await empty(appliance);
    return took;
  };
  const byHand = async (): Promise<number> => {
    const took = await installByHand(appliance!, archive, seconds.byHand);
    await empty(appliance!);
    await inside(appliance!, 'docker volume rm $(docker volume ls -q)');
    await appliance!.remove();
    return took;
  };
  // A run that failed leaves its appliance; one that was removed already is removed again for nothing.
  const turns = pair(['onstead install', ours], ['by hand', byHand], { warmUps: 0 });
  const { a, b, ratio } = await turns.finally(() => appliance?.remove());
  emit({
    metric: 'time',
    value: a.median,
    unit: 's',
    baseline: b.median,
    ratio: ratio.median,
    goal: { of: 'ratio', is: '<=', than: 1.3 },
    runs: ratio.runs,
    note: `ratio ${spreadText(ratio)}; by hand: docker load of an uncompressed archive, compose up --wait of the data services, a bucket, the migration, compose up --wait of everything, the same requests through the edge`,
  });
  for (const [side, steps] of Object.entries({ onstead: seconds.ours, 'by hand': seconds.byHand })) {
    for (const [title, values] of steps) {
      emit({ metric: `${side}: ${title}`, value: median(values), unit: 's', runs: values.length });
    }
  }
}

/** The journal's own times: from the operation's first step to its end; the bundle was verified when it was planned. */
async function install(
  appliance: TestAppliance,
  bundle: DemoBundle,
  parts: Map<string, number[]>,
): Promise<number> {
  succeeded(await appliance.onstead(['install', bundle.path]));
  const { startedAt, finishedAt, steps } = await appliance.operation();
  for (const step of steps) note(parts, step.title, between(step.startedAt, step.finishedAt));
  return between(startedAt, finishedAt);
}

/** What a person with the finished files would type; the folder, its secrets and its volumes are there already. */
async function installByHand(
  appliance: TestAppliance,
  archive: string,
  parts: Map<string, number[]>,
): Promise<number> {
  await emptyVolumes(appliance);
  const started = performance.now();
  const part = async (title: string, work: () => Promise<unknown>): Promise<void> => {
    const begun = performance.now();
    await work();
    note(parts, title, (performance.now() - begun) / 1000);
  };
  await part('docker load', () => inside(appliance, `docker load -q -i ${archive}`));
  await part('compose up, data services', () => inside(appliance, `${UP} mysql redis minio`));
  await part('make the bucket', () => makeBucket(appliance));
  await part('migrate', () =>
    inside(appliance, 'docker compose run --rm -T app node /app/src/main.ts migrate up'),
  );
  await part('compose up, everything', () => inside(appliance, UP));
  await part('the same requests', () => smoke(appliance));
  return (performance.now() - started) / 1000;
}

const UP = 'docker compose up -d --wait --quiet-pull';
const STACK_IMAGES = `docker images --format '{{.Repository}}:{{.Tag}}' | grep :sha256-`;

/** With an S3 client in a process of its own, as any tool for it would be. */
async function makeBucket(appliance: TestAppliance): Promise<void> {
  const secret = async (name: string): Promise<string> =>
    (await readFile(join(appliance.paths.unsealed, 'minio', name), 'utf8')).trim();
  const found = await inside(
    appliance,
    "docker inspect -f '{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' $(docker compose ps -q minio)",
  );
  const [pid, address] = found.trim().split(' ');
  const question: ObjectStoreQuestion = {
    kind: 'ensure-buckets',
    buckets: ['notes'],
    endpoint: `http://${address}:9000`,
    credentials: {
      accessKeyId: await secret('s3_access_key'),
      secretAccessKey: await secret('s3_secret_key'),
    },
  };
  const input = JSON.stringify(question);
  const there = ['nsenter', '-t', pid!, '-n', '--']; // the machine itself has no way into the stack's network
  const { stdout } = succeeded(await appliance.run([...there, process.execPath, client], { input }));
  if (!stdout.includes('"value"')) throw new Error(`The bucket was not made: ${stdout}`);
}

async function smoke(appliance: TestAppliance): Promise<void> {
  for (const path of ['/api/ready', '/', '/api/health']) {
    const url = `https://localhost:${appliance.httpsPort}${path}`;
    const giveUpAtMs = performance.now() + GIVE_UP_MS;
    while ((await appliance.run(['curl', '-ksf', '-o', '/dev/null', url])).code !== 0) {
      if (performance.now() > giveUpAtMs) throw new Error(`${url} never answered.`);
      await sleep(100);
    }
  }
}

/** Containers and images go; the volumes stay, since making them is not what is compared. */
async function empty(appliance: TestAppliance): Promise<void> {
  await inside(appliance, 'docker compose down -t 5 --remove-orphans; docker image prune -af >/dev/null');
}

async function emptyVolumes(appliance: TestAppliance): Promise<void> {
  const script =
    'for v in $(docker volume ls -q); do find "$(docker volume inspect -f {{.Mountpoint}} $v)" -mindepth 1 -delete; done';
  await inside(appliance, script);
}

async function inside(appliance: TestAppliance, script: string): Promise<string> {
  const options = { cwd: appliance.paths.stack, env: process.env };
  return succeeded(await appliance.run(['sh', '-c', script], options)).stdout;
}

function succeeded(result: CliResult): CliResult {
  if (result.code === 0) return result;
  throw new Error(`It ended with code ${result.code}: ${result.stdout}${result.stderr}`);
}

function note(parts: Map<string, number[]>, title: string, seconds: number): void {
  parts.set(title, [...(parts.get(title) ?? []), Number(short(seconds))]);
}

function between(from: string | null, to: string | null): number {
  return (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000;
}
