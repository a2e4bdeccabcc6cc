// No secret that is known gets into the log, whatever brought it there.

import t from 'tap';
import { OnsteadError } from '../../../src/base/errors.ts';
import { createLogger } from '../../../src/base/log.ts';

const SECRET = 'f00dfacef00dfacef00dfacef00dface';
const AWKWARD = 'a "quoted" \\ secret\nof two lines';

function openLog() {
  const written: string[] = [];
  const log = createLogger('info', { write: (line) => void written.push(line) });
  log.maskWith((text) => text.replaceAll(SECRET, '[secret]').replaceAll(AWKWARD, '[secret]'));
  return { log, written };
}

t.test('a secret is cut out wherever it stands', async (t) => {
  const { log, written } = openLog();
  const cause = new Error(`connect mysql://app:${SECRET}@mysql`);
  const nested = new OnsteadError('engine.refused', `it said "${SECRET}"`, {
    details: [{ message: SECRET, deep: { deeper: [SECRET] } }],
    next: `Try ${SECRET}.`,
    cause,
  });
  log.info(`a message with ${SECRET} inside`);
  log.warn({ err: nested }, 'an error of ours');
  log.error({ err: new AggregateError([cause, nested], SECRET) }, 'several');
  log.info({ any: { thing: { at: { all: `x${SECRET}y` } } } });
  log.child({ bound: SECRET }).info({ name: AWKWARD }, 'from a child, %s', AWKWARD);
  const all = written.join('');
  t.equal(written.length, 5);
  t.notMatch(all, SECRET);
  t.notMatch(all, /quoted/);
  t.ok(all.split('[secret]').length > 12, 'and it is told that something was cut out');
  for (const line of written) t.ok(JSON.parse(line), 'each is still one line of JSON');
  t.match(JSON.parse(written[1]!), {
    msg: 'an error of ours',
    err: { code: 'engine.refused', stack: /log\.test\.ts/ },
  });
});

t.test('by its key a value is cut out before anything is known of it', async (t) => {
  const { log, written } = openLog();
  log.info({ password: 'p1', request: { token: 'p2', headers: { authorization: 'p3' } } });
  t.notMatch(written.join(''), /p1|p2|p3/);
});
