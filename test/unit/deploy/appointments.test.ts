// An upgrade for later: begun at its time and not by surprise, whatever happened to the daemon meanwhile.

import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import { createLogger } from '../../../src/base/log.ts';
import { Appointments, type Appointment, type BeginAppointment } from '../../../src/deploy/index.ts';
import { dueOf, GRACE_MS } from '../../../src/deploy/appointment.ts';
import { openJournal, operationOf, type HandClock, type JournalLab } from '../journal/lab.ts';

const AT = '2026-11-21T06:00:00.000Z'; // an hour after the clock of the test begins
const HOUR = 3_600_000;

const planned: Appointment = {
  ...{ id: 'upgrade-1', title: 'Upgrade Notes', at: AT, wall: '2026-11-21 07:00', zone: 'Europe/Zurich' },
  ...{ bundle: { path: '/b.tar', id: 'abc' }, from: '1.0.0', irreversible: false, error: null },
  state: 'waiting',
};

interface Told {
  readonly begun: { readonly at: string; readonly strategy: unknown }[];
  readonly appointments: Appointments;
}

const over = (clock: HandClock, begun: unknown[], appointments: Appointments, ms: number): boolean =>
  begun.length > 0 ||
  appointments.current()?.state !== 'waiting' ||
  clock.now().getTime() >= Date.parse(AT) + ms;

/** A daemon that keeps appointments until it is told to stop: time passes as fast as it sleeps. */
async function keptBy(
  { journal, clock }: Pick<JournalLab, 'journal' | 'clock'>,
  begin: BeginAppointment = async () => {},
  untilMs = HOUR,
): Promise<Told> {
  const appointments = new Appointments({ journal, clock, log: createLogger('silent') });
  const begun: { at: string; strategy: unknown }[] = [];
  const stop = new AbortController();
  const keeping = appointments.keep(async (one, signal) => {
    await begin(one, signal);
    begun.push({ at: clock.now().toISOString(), strategy: one.strategy });
  }, stop.signal);
  while (!over(clock, begun, appointments, untilMs)) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort();
  await keeping;
  return { begun, appointments };
}

t.test('it begins at its time, once, as it was asked for', async (t) => {
  const lab = await openJournal(t);
  lab.journal.setFact('appointment', { ...planned, strategy: 'canary' });
  const { begun, appointments } = await keptBy(lab);
  t.strictSame(begun, [{ at: AT, strategy: 'canary' }]);
  t.equal(appointments.current(), undefined);
  t.ok(Math.max(...lab.clock.slept) <= 60_000, 'a clock that is set meanwhile is noticed');
});

t.test('a daemon that is back within a quarter of an hour begins it; later it is missed', async (t) => {
  t.equal(dueOf(planned, new Date(Date.parse(AT) - 1)), 'wait');
  t.equal(dueOf(planned, new Date(Date.parse(AT) + GRACE_MS)), 'begin');
  t.equal(dueOf(planned, new Date(Date.parse(AT) + GRACE_MS + 1)), 'missed');
  const late = await openJournal(t);
  late.journal.setFact('appointment', planned);
  late.clock.advance(HOUR + GRACE_MS);
  t.equal((await keptBy(late)).begun.length, 1);
  const tooLate = await openJournal(t);
  tooLate.journal.setFact('appointment', planned);
  tooLate.clock.advance(5 * HOUR);
  const { begun, appointments } = await keptBy(tooLate);
  t.strictSame(begun, []);
  t.match(appointments.current(), {
    state: 'missed',
    error: {
      message:
        '"Upgrade Notes" was planned for 2026-11-21 07:00 (Europe/Zurich), and Onstead did not run then.',
      next: /onstead upgrade \/b\.tar --at TIME/,
    },
  });
});

t.test('what refuses it then is told, and it is not tried again by itself', async (t) => {
  const lab = await openJournal(t);
  lab.journal.setFact('appointment', planned);
  const gone = new OnsteadError('bundle.missing', 'The bundle is not at /b.tar any more.', {
    next: 'Copy it.',
  });
  const { begun, appointments } = await keptBy(lab, () => Promise.reject(gone));
  t.strictSame(begun, []);
  t.match(appointments.current(), { state: 'refused', error: { code: 'bundle.missing', next: 'Copy it.' } });
});

t.test('while another operation runs it waits, and is missed when that takes too long', async (t) => {
  const busy = new OnsteadError('operation.busy', '"Back up" (backup-1) is running.', { next: 'Wait.' });
  const short = await openJournal(t);
  short.journal.setFact('appointment', planned);
  let tries = 0;
  const { begun } = await keptBy(short, async () => {
    tries += 1;
    if (tries < 4) throw busy;
  });
  t.equal(begun.length, 1);
  const long = await openJournal(t);
  long.journal.setFact('appointment', planned);
  const { appointments } = await keptBy(long, () => Promise.reject(busy));
  t.match(appointments.current(), {
    state: 'missed',
    error: { message: /but then "Back up" .* is running/ },
  });
});

t.test('a daemon killed while it begins does not begin it twice', async (t) => {
  const lab = await openJournal(t);
  lab.clock.advance(HOUR);
  lab.journal.setFact('appointment', { ...planned, state: 'beginning', basis: null });
  lab.journal.create(operationOf('one'));
  const { begun, appointments } = await keptBy(lab);
  t.strictSame(begun, [], 'the operation stands in the journal');
  t.equal(appointments.current(), undefined);
  const before = await openJournal(t);
  before.clock.advance(HOUR);
  before.journal.setFact('appointment', { ...planned, state: 'beginning', basis: null });
  t.equal((await keptBy(before)).begun.length, 1, 'it had not begun');
});

t.test('what somebody did by hand meanwhile is not done again, and is no refusal', async (t) => {
  const lab = await openJournal(t);
  lab.journal.setFact('appointment', planned);
  const same = new OnsteadError('release.same', 'Version 1.1.0 is installed already.', { next: 'Nothing.' });
  const { appointments } = await keptBy(lab, () => Promise.reject(same));
  t.equal(appointments.current(), undefined);
});

t.test('one is planned at a time; it can be taken off, and then another may be planned', async (t) => {
  const { journal, clock } = await openJournal(t);
  const appointments = new Appointments({ journal, clock, log: createLogger('silent') });
  appointments.make(planned);
  t.throws(() => appointments.make({ ...planned, id: 'upgrade-2' }), {
    code: 'operation.scheduled',
    message: '"Upgrade Notes" is planned already, for 2026-11-21 07:00 (Europe/Zurich).',
    next: /onstead operations cancel upgrade-1/,
  });
  t.throws(() => appointments.cancel('upgrade-9'), { code: 'operation.unknown' });
  t.equal(appointments.cancel('upgrade-1').id, 'upgrade-1');
  appointments.make({ ...planned, id: 'upgrade-2' });
  journal.setFact('appointment', { ...planned, id: 'upgrade-2', state: 'missed' });
  appointments.make({ ...planned, id: 'upgrade-3' });
  t.equal(appointments.current()?.id, 'upgrade-3', 'one that was missed makes room');
});

t.test('one that is planned or taken off while nothing was waited for is noticed at once', async (t) => {
  const { journal, clock } = await openJournal(t);
  const appointments = new Appointments({ journal, clock, log: createLogger('silent') });
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const keeping = appointments.keep(async () => begun.resolve(), stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 5));
  appointments.make(planned);
  await begun.promise;
  stop.abort();
  await keeping;
});

t.test('a full disk at its time ends nobody: it is tried again, and begins when there is room', async (t) => {
  const lab = await openJournal(t);
  lab.journal.setFact('appointment', planned);
  let failures = 3;
  const { setFact } = lab.journal;
  lab.journal.setFact = (key, value) => {
    if (failures > 0) {
      failures -= 1;
      throw new OnsteadError('disk.full', 'No space is left for the state.', { next: 'Free some.' });
    }
    setFact.call(lab.journal, key, value);
  };
  const { begun, appointments } = await keptBy(lab);
  t.equal(failures, 0);
  t.match(begun, [{ at: '2026-11-21T06:00:30.000Z' }]);
  t.equal(appointments.current(), undefined);
});
