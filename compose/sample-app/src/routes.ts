// What the app answers: the page, the notes, their attachments.

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Note, NoteTable, StoredAttachment } from './database.ts';
import { answerJson, answerText, readBody, readJson, RequestError } from './http.ts';
import type { Request, Route } from './http.ts';
import type { Memory, Session } from './memory.ts';
import { renderPage } from './page.ts';
import type { Release } from './release.ts';
import type { Storage } from './storage.ts';

export interface Parts {
  readonly notes: NoteTable;
  readonly memory: Memory;
  readonly storage: Storage;
  readonly release: Release;
}

const MAX_ATTACHMENT_BYTES = 5 * 1024 ** 3;
const COOKIE = 'notes_session';

export function noteRoutes(parts: Parts): Route[] {
  const { notes, memory } = parts;
  return [
    { method: 'GET', path: '/', handle: (request) => answerPage(parts, request) },
    { method: 'GET', path: '/api/notes', handle: (request) => answerList(parts, request) },
    {
      method: 'POST',
      path: '/api/notes',
      handle: async (request) => {
        const id = await notes.add(noteFrom(await readJson(request)));
        await memory.forgetList();
        await memory.countAdded(await openSession(memory, request));
        answerJson(request, 201, await notes.find(id));
      },
    },
    {
      method: 'GET',
      path: '/api/notes/:id',
      handle: async (request) => answerJson(request, 200, await existingNote(notes, request)),
    },
    { method: 'DELETE', path: '/api/notes/:id', handle: (request) => removeNote(parts, request) },
    ...['PUT', 'POST'].map((method) => ({
      method,
      path: '/api/notes/:id/attachments',
      handle: (request: Request) => addAttachment(parts, request),
    })),
    {
      method: 'GET',
      path: '/api/notes/:id/attachments/:file',
      handle: (request) => sendAttachment(parts, request),
    },
    {
      method: 'GET',
      path: '/api/session',
      handle: async (request) => {
        const { added } = await openSession(memory, request);
        answerJson(request, 200, { added: added ?? null });
      },
    },
    ...trialRoutes(parts.release),
  ];
}

/** Routes that only tests need: who answers, a slow answer, an echo. */
function trialRoutes(release: Release): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/version',
      handle: (request) =>
        answerJson(request, 200, {
          product: 'notes',
          version: release.version,
          schema: release.schema,
          host: hostname(),
        }),
    },
    { method: 'GET', path: '/api/slow', handle: answerSlowly },
    {
      method: 'POST',
      path: '/api/echo',
      handle: async (request) => {
        const body = await readBody(request, 64 * 1024 ** 2);
        request.response.setHeader('x-checksum-sha256', createHash('sha256').update(body).digest('hex'));
        request.response.setHeader('content-length', body.length);
        request.response.end(body);
      },
    },
  ];
}

async function answerPage(parts: Parts, request: Request): Promise<void> {
  const words = request.url.searchParams.get('q') ?? '';
  const { list } = await readList(parts, words);
  const session = await openSession(parts.memory, request);
  const nonce = randomBytes(16).toString('base64');
  request.response.setHeader(
    'content-security-policy',
    `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; ` +
      `img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  );
  request.response.setHeader('x-content-type-options', 'nosniff');
  const page = renderPage({ notes: list, session, release: parts.release, words, nonce });
  answerText(request, 200, page, 'text/html');
}

async function answerList(parts: Parts, request: Request): Promise<void> {
  const { list, isCached } = await readList(parts, request.url.searchParams.get('q') ?? '');
  request.response.setHeader('x-cache', isCached ? 'hit' : 'miss');
  answerJson(request, 200, list);
}

async function readList(parts: Parts, words: string): Promise<{ list: readonly Note[]; isCached: boolean }> {
  if (words !== '') return { list: await parts.notes.list(words), isCached: false };
  const cached = await parts.memory.cachedList();
  if (cached !== undefined) return { list: cached, isCached: true };
  const list = await parts.notes.list();
  await parts.memory.keepList(list);
  return { list, isCached: false };
}

async function openSession(memory: Memory, request: Request): Promise<Session> {
  const id = new RegExp(`(?:^|; )${COOKIE}=([0-9a-f]{32})`).exec(request.raw.headers.cookie ?? '')?.[1];
  const session = await memory.session(id);
  if (session.isNew) {
    request.response.setHeader('set-cookie', `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Lax`);
  }
  return session;
}

function noteFrom(value: Readonly<Record<string, unknown>>): { title: string; body: string; label?: string } {
  const { title, body = '', label } = value;
  if (typeof title !== 'string' || title.trim() === '' || title.length > 200) {
    throw new RequestError(400, 'A note needs a title of 1 to 200 characters.');
  }
  if (typeof body !== 'string' || Buffer.byteLength(body) > 60_000) {
    throw new RequestError(400, 'The text of a note is at most 60,000 bytes.');
  }
  if (label === undefined || label === null) return { title, body };
  if (typeof label !== 'string' || label.length > 40) {
    throw new RequestError(400, 'A label is at most 40 characters.');
  }
  return { title, body, label };
}

function noteId(request: Request): number {
  const id = request.parameters['id'] ?? '';
  if (/^[1-9]\d{0,15}$/.test(id)) return Number(id);
  throw new RequestError(404, 'There is no such note.');
}

async function existingNote(notes: NoteTable, request: Request): Promise<Note> {
  const note = await notes.find(noteId(request));
  if (note !== undefined) return note;
  throw new RequestError(404, 'There is no such note.');
}

async function removeNote({ notes, memory, storage }: Parts, request: Request): Promise<void> {
  const note = await existingNote(notes, request);
  const files = await notes.attachmentsOf(note.id);
  await notes.remove(note.id);
  await memory.forgetList();
  // Rows first: an object without a row is waste, a row without its object is a loss.
  await Promise.allSettled(files.map((file) => storage.remove(file.objectKey)));
  request.response.writeHead(204).end();
}

async function addAttachment({ notes, memory, storage }: Parts, request: Request): Promise<void> {
  const note = await existingNote(notes, request);
  const sizeBytes = attachmentSize(request);
  const name = (request.url.searchParams.get('name') ?? 'file').slice(0, 255);
  const mediaType = (request.raw.headers['content-type'] ?? 'application/octet-stream').slice(0, 127);
  const id = randomUUID();
  const objectKey = `notes/${note.id}/${id}`;
  const sha256 = await storage.put(objectKey, request.raw, sizeBytes, mediaType);
  const file: StoredAttachment = { id, name, mediaType, sizeBytes, sha256, objectKey };
  await notes.addAttachment(note.id, file);
  await memory.forgetList();
  request.response.setHeader('x-checksum-sha256', sha256);
  answerJson(request, 201, { id, name, mediaType, sizeBytes, sha256 });
}

function attachmentSize(request: Request): number {
  const text = request.raw.headers['content-length'];
  if (text === undefined) throw new RequestError(411, 'An upload needs a Content-Length.');
  const size = Number(text);
  if (size <= MAX_ATTACHMENT_BYTES) return size;
  throw new RequestError(413, 'An attachment is at most 5 GB.');
}

async function sendAttachment({ notes, storage }: Parts, request: Request): Promise<void> {
  const files = await notes.attachmentsOf(noteId(request));
  const file = files.find(({ id }) => id === request.parameters['file']);
  if (file === undefined) throw new RequestError(404, 'There is no such attachment.');
  const body = await storage.get(file.objectKey);
  const { response } = request;
  response.setHeader('content-type', 'application/octet-stream');
  response.setHeader('content-length', file.sizeBytes);
  response.setHeader('x-checksum-sha256', file.sha256);
  response.setHeader('x-content-type-options', 'nosniff');
  // Never inline: what was uploaded must not run as a page of this app.
  response.setHeader('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`);
  await pipeline(body, response);
}

/** `/api/slow?seconds=5&bytes=1000`: so many bytes, evenly over so many seconds. */
async function answerSlowly(request: Request): Promise<void> {
  const asked = (name: string, fallback: number, most: number): number =>
    Math.min(most, Math.max(1, Number(request.url.searchParams.get(name) ?? fallback) || fallback));
  const pieces = Math.ceil(asked('seconds', 5, 120) * 10);
  const bytes = Math.max(pieces, Math.floor(asked('bytes', 1000, 1024 ** 3)));
  const { response } = request;
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
  for (let sent = 0, piece = 1; piece <= pieces && !response.destroyed; piece += 1) {
    const size = piece === pieces ? bytes - sent : Math.floor(bytes / pieces);
    if (!response.write(Buffer.alloc(size, '.'))) await Promise.race([once(response), sleep(30_000)]);
    sent += size;
    await sleep(100);
  }
  response.end();
}

function once(response: Request['response']): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve).once('close', resolve);
  });
}
