// What preflight says of each thing that can be wrong, and of all of them together.

import t from 'tap';
import { Check } from 'typebox/value';
import { defaultDemand } from '../../../src/machine/demand.ts';
import { FACT_NAMES, type MachineFacts } from '../../../src/machine/facts.ts';
import { analyzeFacts, CHECKS, PreflightReport } from '../../../src/machine/preflight.ts';
import { healthyFacts, type Draft } from './fixtures/healthy.ts';
import { judgeOne, RELEASE, someone, type Case } from './cases/case.ts';
import { diskCases } from './cases/disk.ts';
import { engineCases } from './cases/engine.ts';
import { machineCases } from './cases/machine.ts';
import { networkCases } from './cases/network.ts';
import { settingsCases } from './cases/settings.ts';
import { systemCases } from './cases/system.ts';

const cases: readonly Case[] = [
  ...diskCases,
  ...engineCases,
  ...machineCases,
  ...networkCases,
  ...settingsCases,
  ...systemCases,
];

t.test('a healthy machine passes every check', async (t) => {
  const report = analyzeFacts(healthyFacts() as MachineFacts, { ...defaultDemand, ...RELEASE });
  for (const check of report.checks) {
    if (check.id === 'xfs-ftype') t.equal(check.status, 'skip', 'the engine is not on xfs');
    else t.equal(check.status, 'pass', `${check.id}: ${check.found}`);
  }
  t.equal(report.verdict, 'pass');
  t.ok(Check(PreflightReport, report), 'the report fits its schema');
});

for (const one of cases) {
  t.test(`${one.id}: when ${one.when}, the answer is ${one.status}`, async (t) => {
    const result = judgeOne(one);
    t.equal(result.status, one.status, result.found);
    if (one.says) t.match(result.found, one.says);
    if (one.fix) t.match(result.fix, one.fix);
    if (one.status === 'fail' || one.status === 'warn') t.ok(result.fix, 'there is a next action');
    if (one.status === 'pass' || one.status === 'skip') t.equal(result.fix, null);
  });
}

t.test('every check can fail or warn, and there are at least 25 with names of their own', async (t) => {
  const bad = new Set(cases.filter((one) => ['fail', 'warn'].includes(one.status)).map((one) => one.id));
  for (const { id } of CHECKS) t.ok(bad.has(id), id);
  t.ok(CHECKS.length >= 25, `${CHECKS.length} checks`);
  t.equal(new Set(CHECKS.map((check) => check.id)).size, CHECKS.length);
  for (const { id } of cases)
    t.ok(
      CHECKS.some((check) => check.id === id),
      id,
    );
});

t.test('what is not known never passes', async (t) => {
  for (const name of FACT_NAMES) {
    const facts = healthyFacts();
    delete (facts as Partial<Draft>)[name];
    facts.missing = { [name]: 'the collector was struck by lightning' };
    const report = analyzeFacts(facts as MachineFacts, { ...defaultDemand, ...RELEASE });
    for (const check of CHECKS.filter((one) => one.needs.includes(name))) {
      const result = report.checks.find((one) => one.id === check.id)!;
      t.equal(result.status, 'unknown', `${check.id} without ${name}`);
      t.match(result.found, /lightning/);
    }
    t.equal(report.verdict, 'warn', `without ${name}`);
  }
});

t.test('nothing known at all is a report of unknowns, and the same facts give the same report', async (t) => {
  const report = analyzeFacts({ missing: {}, unseen: {} });
  t.equal(report.counts.unknown, CHECKS.length);
  t.strictSame(analyzeFacts(healthyFacts() as MachineFacts), analyzeFacts(healthyFacts() as MachineFacts));
});

t.test('names from the machine cannot steer a terminal', async (t) => {
  const facts = healthyFacts();
  facts.engine.details!.containers = [{ ...someone, name: 'x\u001b[2Jy\u202e', project: 'notes' }];
  facts.unseen = { os: ['a\u0007b'] };
  const report = analyzeFacts(facts as MachineFacts, { ...defaultDemand, ...RELEASE });
  t.notMatch(JSON.stringify(report), /\\u001b|\\u0007|\u202e/);
});
