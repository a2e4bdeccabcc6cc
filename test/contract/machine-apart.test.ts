// The machine looks the same from a process of its own.

import t from 'tap';
import { detectMachine, detectMachineApart } from '../../src/machine/index.ts';

t.test('a child sees the machine that the process itself sees', async (t) => {
  const options = { root: t.testdir({}), ports: [80, 443] };
  const here = await detectMachine(options);
  const apart = await detectMachineApart(options);
  t.strictSame(Object.keys(apart).toSorted(), Object.keys(here).toSorted());
  t.strictSame(apart.cpu, here.cpu);
  t.strictSame(apart.os, here.os);
  t.equal(apart.memory?.totalBytes, here.memory?.totalBytes);
  t.equal(apart.engine?.details?.version, here.engine?.details?.version);
});
