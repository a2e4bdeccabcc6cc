// The edge is told who answers, and nginx itself is replaced, while people are at work: nobody notices. Beside it the same
// nginx made anew by Compose. Load comes from a second process: GET and POST, connections kept alive and fresh.

import { openEdgeLab, type EdgeLab } from '../contract/edge-lab.ts';
import type { LoadSeen } from '../contract/edge-load.ts';
import { replaceEdge, settleEdge, steerEdge } from '../../src/stack/index.ts';
import type { Bench, BenchContext } from './bench.ts';
import { median, short } from './statistics.ts';

const ROUNDS = 20;
/** Each costs seconds without an answer. */
const RECREATIONS = 5;

export const bench: Bench = {
  name: 'edge',
  proves: '20 reloads and 20 replacements of nginx under load fail no request; a plain recreate does.',
  needs: ['engine'],
  runs: 1,
  run: async (context) => {
    const lab = await openEdgeLab();
    try {
      await measureReloads(lab, context);
      await measureReplacements(lab, context);
    } finally {
      await lab.close();
    }
  },
};

interface Rounds {
  readonly seen: LoadSeen;
  readonly medianSeconds: number;
}

const { signal } = new AbortController();

async function underLoad(
  lab: EdgeLab,
  { progress }: BenchContext,
  label: string,
  rounds: number,
  work: (round: number) => Promise<void>,
): Promise<Rounds> {
  const load = lab.load();
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const beganMs = performance.now();
    await work(round);
    seconds.push((performance.now() - beganMs) / 1000);
  }
  const seen = await load.stop();
  progress(`${label}: ${seen.failures.length} failed, ${seen.answered} answered`);
  for (const line of seen.failures.slice(0, 5)) progress(`  ${line}`);
  return { seen, medianSeconds: median(seconds) };
}

async function measureReloads(lab: EdgeLab, context: BenchContext): Promise<void> {
  const servers = await lab.replicas();
  const { seen, medianSeconds } = await underLoad(lab, context, 'reloads', ROUNDS, (round) =>
    steerEdge(lab.edge, { kind: 'listed', servers: [servers[round % servers.length]!] }, signal),
  );
  context.emit({
    metric: `failed requests over ${ROUNDS} reloads`,
    value: seen.failures.length,
    unit: 'requests',
    goal: { of: 'value', is: '=', than: 0 },
    runs: 1,
    note: noteOf(seen, medianSeconds),
  });
}

async function measureReplacements(lab: EdgeLab, context: BenchContext): Promise<void> {
  const servers = await lab.replicas();
  const ours = await underLoad(lab, context, 'replacements', ROUNDS, async (round) => {
    await lab.change(`round-${round}`);
    await replaceEdge({ edge: lab.edge, files: lab.compose, servers, drainMs: 30_000 }, signal);
  });
  await settleEdge(lab.edge, servers, signal);
  const byHand = await underLoad(lab, context, 'plain recreates', RECREATIONS, () =>
    lab.compose.up({ services: [lab.edge.service], noDeps: true, forceRecreate: true }),
  );
  const baseline = (byHand.seen.failures.length / RECREATIONS) * ROUNDS;
  context.emit({
    metric: `failed requests over ${ROUNDS} replacements`,
    value: ours.seen.failures.length,
    unit: 'requests',
    baseline,
    goal: { of: 'value', is: '=', than: 0 },
    runs: 1,
    note: `${noteOf(ours.seen, ours.medianSeconds)}; by docker compose up --force-recreate ${byHand.seen.failures.length} failed over ${RECREATIONS}`,
  });
}

function noteOf({ answered, posted, longestMs }: LoadSeen, medianSeconds: number): string {
  return `${answered} answered, ${posted} of them to a POST; longest ${Math.round(longestMs)} ms; one takes ${short(medianSeconds)} s`;
}
