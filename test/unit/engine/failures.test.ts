import t from 'tap';
import { isRetryable, isVersionMismatch, translate } from '../../../src/engine/failures.ts';

const at = { kind: 'socket', path: '/run/d.sock' } as const;
const system = (code: string, syscall: string): Error => Object.assign(new Error(code), { code, syscall });
const http = (statusCode: number, text: string): Error => Object.assign(new Error(text), { statusCode });

t.test('each way not to reach the engine is its own sentence with its own next action', async (t) => {
  const said = ['ENOENT', 'EACCES', 'ECONNREFUSED', 'ENOTSOCK', 'EHOSTUNREACH'].map((code) => {
    const error = translate(system(code, 'connect'), 'x', at);
    t.equal(error.code, 'engine.unreachable');
    t.match(error.message, '/run/d.sock');
    t.ok(error.next);
    return error.message;
  });
  t.equal(new Set(said).size, said.length);
  t.match(translate(system('EACCES', 'connect'), 'x', at).next, /root/);
});

t.test('a connection lost in the middle may be tried again, a refusal may not', async (t) => {
  for (const code of ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']) {
    const error = translate(system(code, 'read'), 'x', at);
    t.equal(error.code, 'engine.lost');
    t.equal(isRetryable(error), true);
  }
  t.equal(isRetryable(translate(http(500, '(HTTP code 500) server error - no'), 'x', at)), false);
});

t.test('the engine’s own sentence is kept, without the library’s wrapping', async (t) => {
  const error = translate(
    http(404, '(HTTP code 404) no such container - No such container: abc - def '),
    'start "abc"',
    at,
  );
  t.equal(error.code, 'engine.not-found');
  t.equal(error.message, 'Could not start "abc": No such container: abc - def');
  t.equal(translate(http(409, '(HTTP code 409) conflict - in use'), 'x', at).code, 'engine.conflict');
});

t.test('a full disk and a taken port carry the cure', async (t) => {
  t.match(translate(http(500, '(HTTP code 500) x - write: no space left on device'), 'x', at).next, /disk/);
  t.match(
    translate(http(500, '(HTTP code 500) x - Bind: port is already allocated'), 'x', at).next,
    /ss -ltnp/,
  );
});

t.test('only the engine’s words about the version make a new negotiation', async (t) => {
  const tooOld = '(HTTP code 400) x - client version 1.41 is too old. Minimum supported API version is 1.44';
  t.equal(isVersionMismatch(http(400, tooOld)), true);
  t.equal(isVersionMismatch(http(400, '(HTTP code 400) x - bad parameter')), false);
  t.equal(isVersionMismatch(http(500, tooOld)), false);
});
