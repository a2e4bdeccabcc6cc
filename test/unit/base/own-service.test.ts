// The command that a person is told fits the machine: systemd, or the supervisor that comes with the program.

import { existsSync } from 'node:fs';
import t from 'tap';
import { serviceCommand } from '../../../src/base/init-system.ts';
import { howToRestart, howToStart, howToStop } from '../../../src/base/own-service.ts';
import { pathsUnder } from '../../../src/base/paths.ts';

const all = [howToStart, howToRestart, howToStop];
const script = 'sh /opt/onstead/current/installer/supervise.sh';

t.test('with systemd it is a unit', async (t) => {
  t.strictSame(
    all.map((how) => how(pathsUnder(), true)),
    ['start', 'restart', 'stop'].map((verb) => `systemctl ${verb} onstead`),
  );
});

t.test('without systemd it is the supervisor', async (t) => {
  t.strictSame(
    all.map((how) => how(pathsUnder(), false)),
    [`${script} start`, `${script} stop && ${script} start`, `${script} stop`],
  );
});

t.test('a root of its own leaves systemd alone, as the installer does', async (t) => {
  t.equal(
    howToStart(pathsUnder('/tmp/trial')),
    'ONSTEAD_ROOT=/tmp/trial sh /tmp/trial/opt/onstead/current/installer/supervise.sh start',
  );
});

t.test('which of the two it is, is looked up on this machine', async (t) => {
  t.equal(howToStart(pathsUnder()).startsWith('systemctl'), existsSync('/run/systemd/system'));
});

t.test('a service of the machine is started with what starts services there', async (t) => {
  t.equal(serviceCommand('restart', 'docker', true), 'systemctl restart docker');
  t.equal(serviceCommand('restart', 'docker', false), 'service docker restart');
});
