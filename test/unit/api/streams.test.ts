// Answers over time, on a real socket: the whole story, then what happens, then the end; and readers that leave.

import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import type { JournalEvent } from '../../../src/journal/index.ts';
import { operationOf } from '../journal/lab.ts';
import { openApi, type ApiLab } from './appliance-double.ts';

interface Reader {
  readonly response: IncomingMessage;
  next(): Promise<JournalEvent | undefined>;
  rest(): Promise<JournalEvent[]>;
  leave(): void;
}

async function listen({ server, folder }: ApiLab): Promise<string> {
  const path = join(folder, 'api.sock');
  await server.listen({ path });
  return path;
}

async function read(socketPath: string, path: string): Promise<Reader> {
  const outgoing = request({ socketPath, path, agent: false });
  outgoing.on('error', () => {});
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const next = async (): Promise<JournalEvent | undefined> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as JournalEvent);
  };
  return {
    response,
    next,
    async rest() {
      const all: JournalEvent[] = [];
      for (let one = await next(); one !== undefined; one = await next()) all.push(one);
      return all;
    },
    leave: () => outgoing.destroy(),
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !isTrue(); turn += 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('a page that is opened late sees the whole story, then what happens, then the end', async (t) => {
  const lab = await openApi(t);
  const socket = await listen(lab);
  const { journal } = lab;
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  const reader = await read(socket, `/api/operations/${id}/events`);
  t.match([await reader.next(), await reader.next()], [{ state: 'planned' }, { state: 'running' }]);
  journal.attempt(id, 1, 'running');
  t.match(await reader.next(), { type: 'step', step: 1, state: 'running' });
  journal.progress(id, 1, { done: 1, total: 2, unit: 'items' });
  t.match(await reader.next(), { type: 'progress', seq: 0, progress: { done: 1, total: 2 } });
  journal.settle(id, 1, 'done');
  journal.move(id, 'done');
  t.match(await reader.rest(), [
    { type: 'step', state: 'done' },
    { type: 'operation', state: 'done' },
  ]);
  t.equal(lab.listening(), 0);
});

t.test('a story can be taken up after any event', async (t) => {
  const lab = await openApi(t);
  const socket = await listen(lab);
  const { journal } = lab;
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  journal.note(id, null, 'hello');
  journal.move(id, 'done');
  const story = journal.events(id);
  for (const [at, { seq }] of story.entries()) {
    const reader = await read(socket, `/api/operations/${id}/events?after=${seq}`);
    t.strictSame(
      (await reader.rest()).map((event) => event.seq),
      story.slice(at + 1).map((event) => event.seq),
    );
  }
});

t.test('a stuck operation ends the story; one that a person took up again goes on', async (t) => {
  const lab = await openApi(t);
  const socket = await listen(lab);
  const { journal } = lab;
  const { id } = journal.create(operationOf('one'));
  journal.move(id, 'running');
  const reader = await read(socket, `/api/operations/${id}/events`);
  journal.move(id, 'stuck');
  t.match((await reader.rest()).at(-1), { state: 'stuck' });
  journal.move(id, 'running');
  const second = await read(socket, `/api/operations/${id}/events`);
  for (const state of ['planned', 'running', 'stuck', 'running']) t.match(await second.next(), { state });
  journal.move(id, 'done');
  t.match(await second.rest(), [{ state: 'done' }]);
});

t.test("one operation's story holds nothing of another's", async (t) => {
  const lab = await openApi(t);
  const socket = await listen(lab);
  const { journal } = lab;
  const first = journal.create(operationOf('one'));
  journal.move(first.id, 'running');
  journal.move(first.id, 'done');
  const second = journal.create(operationOf('one'));
  const reader = await read(socket, `/api/operations/${second.id}/events`);
  journal.note(first.id, null, 'from the other');
  journal.move(second.id, 'running');
  journal.move(second.id, 'done');
  t.strictSame([...new Set((await reader.rest()).map(({ operation }) => operation))], [second.id]);
});

t.test('a reader that leaves takes its listener along and disturbs nobody', async (t) => {
  const lab = await openApi(t);
  const socket = await listen(lab);
  const { journal } = lab;
  const { id } = journal.create(operationOf('one'));
  const [gone, stays] = [
    await read(socket, `/api/operations/${id}/events`),
    await read(socket, `/api/operations/${id}/events`),
  ];
  t.equal(lab.listening(), 2);
  gone.leave();
  await until(() => lab.listening() === 1);
  t.equal(lab.listening(), 1);
  journal.move(id, 'running');
  journal.move(id, 'done');
  t.match(
    (await stays.rest()).map(({ state }) => state),
    ['planned', 'running', 'done'],
  );
});

t.test('a server that closes does not wait for its readers', async (t) => {
  const lab = await openApi(t);
  const socket = await listen(lab);
  const { id } = lab.journal.create(operationOf('one'));
  const reader = await read(socket, `/api/operations/${id}/events`);
  const closed = lab.server.close().then(() => 'closed');
  t.equal(
    await Promise.race([
      closed,
      new Promise((resolve) => setTimeout(resolve, 3000, 'still waiting').unref()),
    ]),
    'closed',
  );
  reader.leave();
});

t.test('a reader of a silent log that leaves ends the log', async (t) => {
  let ended = false;
  const lab = await openApi(t, {
    async *logs(service, { signal }) {
      yield* [];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended = true;
      if (service === '') yield { service, container: '', stream: '', at: '', line: '' };
    },
  });
  const socket = await listen(lab);
  const outgoing = request({ socketPath: socket, path: '/api/services/app/logs?follow=true', agent: false });
  outgoing.on('error', () => {});
  outgoing.end();
  await new Promise((resolve) => setTimeout(resolve, 100));
  outgoing.destroy();
  await until(() => ended);
  t.equal(ended, true);
});

t.test('a reader is told what holds an operation up that the journal cannot tell', async (t) => {
  let holdUp: string | undefined;
  const lab = await openApi(t, { holdUp: async () => holdUp });
  const socket = await listen(lab);
  const { journal } = lab;
  const { id } = journal.create(operationOf('one', 'two'));
  journal.move(id, 'running');
  journal.settle(id, 1, 'done');
  const reader = await read(socket, `/api/operations/${id}/events`);
  for (let told = 0; told < 3; told += 1) await reader.next();
  holdUp = 'no room on /var/lib/onstead';
  const waiting = await reader.next();
  t.match(waiting, { seq: 0, type: 'note', step: 2, text: 'Waiting: no room on /var/lib/onstead.' });
  holdUp = undefined;
  t.match(await reader.next(), { type: 'note', text: 'It goes on.' });
  journal.move(id, 'done');
  t.match(await reader.rest(), [{ type: 'operation', state: 'done' }]);
  t.equal(lab.listening(), 0);
});
