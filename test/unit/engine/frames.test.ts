import t from 'tap';
import { readJsonLines, readPieces } from '../../../src/engine/frames.ts';
import { linesFrom, secondsOf } from '../../../src/engine/logs.ts';

function frame(stream: number, text: string | Buffer): Buffer {
  const data = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

t.test('a stream is taken apart the same however the wire cuts it', async (t) => {
  const wire = Buffer.concat([
    frame(1, 'hello '),
    frame(2, 'oops'),
    frame(1, ''),
    frame(1, Buffer.from([0, 255, 1])),
  ]);
  for (let size = 1; size <= wire.length; size += 1) {
    const got = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let frames = 0;
    for await (const piece of readPieces(cut(wire, size))) {
      got[piece.stream].push(piece.data);
      frames += piece.last ? 1 : 0;
    }
    t.same(
      Buffer.concat(got.stdout),
      Buffer.concat([Buffer.from('hello '), Buffer.from([0, 255, 1])]),
      `${size}`,
    );
    t.equal(Buffer.concat(got.stderr).toString(), 'oops');
    t.equal(frames, 3);
  }
});

t.test('output in an unknown form is an error, not silence', async (t) => {
  const read = async (): Promise<void> => {
    for await (const piece of readPieces(cut(frame(9, 'x'), 64))) t.fail(String(piece));
  };
  await t.rejects(read(), { code: 'engine.refused' });
});

t.test('lines of JSON survive any cut, also inside a character; other text is kept', async (t) => {
  const wire = Buffer.from('{"a":"ü"}\n\nplain words\r\n{"b":2}');
  for (let size = 1; size <= wire.length; size += 1) {
    const got: unknown[] = [];
    for await (const line of readJsonLines(cut(wire, size))) got.push(line);
    t.same(got, [{ a: 'ü' }, { stream: 'plain words\r' }, { b: 2 }]);
  }
});

t.test('a long line that came in several messages is one line with its first time', async (t) => {
  const wire = Buffer.concat([
    frame(1, '2026-11-21T05:00:00.000000001Z aaa'),
    frame(2, '2026-11-21T05:00:00.000000002Z other\n'),
    frame(1, '2026-11-21T05:00:00.000000003Z bbb\n'),
    frame(1, '2026-11-21T05:00:00.000000004Z \n'),
    frame(1, '2026-11-21T05:00:00.000000005Z end'),
  ]);
  for (const size of [1, 7, 64, 1000]) {
    const got: string[] = [];
    for await (const { stream, stamp, line } of linesFrom(readPieces(cut(wire, size)))) {
      got.push(`${stream} ${stamp.slice(-3, -1)} ${line}`);
    }
    t.same(got, ['stderr 02 other', 'stdout 01 aaabbb', 'stdout 04 ', 'stdout 05 end']);
  }
});

t.test('a time keeps its nanoseconds', async (t) => {
  t.equal(secondsOf('2026-11-21T05:00:00.123456789Z'), '1795237200.123456789');
  t.equal(secondsOf('2026-11-21T05:00:00.5Z', 1), '1795237199.500000000');
  t.equal(secondsOf('2026-11-21T05:00:00Z'), '1795237200.000000000');
});
