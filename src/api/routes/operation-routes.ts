// Operations: begin one, look at it, follow it, settle one that is stuck.

import { Type } from '../../base/schema.ts';
import { reportOf } from '../../base/errors.ts';
import { OperationSchema, type JournalEvent } from '../../journal/index.ts';
import type { Begun, OnProgress } from '../appliance.ts';
import { followEvents } from '../follow-events.ts';
import { answerInLines, type LineStream } from '../line-stream.ts';
import {
  AppointmentAnswer,
  InstallRequest,
  NoteSchema,
  PlannedAnswer,
  RollbackRequest,
  UpgradeRequest,
  type BeginMessage,
  type Note,
} from '../schemas.ts';
import type { Routes } from '../route.ts';

const Id = Type.Object({ id: Type.String({ maxLength: 100 }) });

export const operationRoutes: Routes = (server, appliance) => {
  const mask = (text: string): string => appliance.mask(text);
  server.get('/api/operations', { schema: { response: { 200: Type.Array(OperationSchema) } } }, () =>
    appliance.operations(),
  );

  server.get(
    '/api/operations/:id',
    { schema: { params: Id, response: { 200: OperationSchema } } },
    (request) => appliance.operation(request.params.id),
  );

  server.get(
    '/api/operations/:id/events',
    { schema: { params: Id, querystring: Type.Object({ after: Type.Integer({ minimum: 0, default: 0 }) }) } },
    async (request, reply) => {
      const { id } = request.params;
      appliance.operation(id); // an unknown one is an error before the answer begins
      await answerInLines<JournalEvent>({ request, reply, mask }, (stream) =>
        followEvents(appliance, id, request.query.after, stream),
      );
    },
  );

  server.get(
    '/api/operations/:id/notes',
    { schema: { params: Id, response: { 200: Type.Array(NoteSchema) } } },
    ({ params: { id } }) => appliance.told(id).then(() => notesOf(appliance.events(id, 0))),
  );

  server.post('/api/operations/:id/resume', { schema: { params: Id } }, (request) => {
    appliance.resume(request.params.id);
    return appliance.operation(request.params.id);
  });

  server.post('/api/operations/:id/abandon', { schema: { params: Id } }, (request) => {
    appliance.abandon(request.params.id);
    return appliance.operation(request.params.id);
  });

  server.get('/api/planned', { schema: { response: { 200: PlannedAnswer } } }, () => ({
    planned: appliance.planned(),
  }));

  server.post(
    '/api/planned/:id/cancel',
    { schema: { params: Id, response: { 200: AppointmentAnswer } } },
    (request) => appliance.cancel(request.params.id),
  );

  server.post('/api/install', { schema: { body: InstallRequest } }, async (request, reply) => {
    const { path, dryRun = false } = request.body;
    await answerInLines<BeginMessage>({ request, reply, mask }, (stream) =>
      tellBeginning(stream, (onProgress) => appliance.install({ path, dryRun }, onProgress, stream.signal)),
    );
  });

  server.post('/api/rehearse', { schema: { body: InstallRequest } }, async (request, reply) => {
    const { path, dryRun = false } = request.body;
    await answerInLines<BeginMessage>({ request, reply, mask }, (stream) =>
      tellBeginning(stream, (onProgress) => appliance.rehearse({ path, dryRun }, onProgress, stream.signal)),
    );
  });

  server.post('/api/upgrade', { schema: { body: UpgradeRequest } }, async (request, reply) => {
    const { dryRun = false, ...asked } = request.body;
    await answerInLines<BeginMessage>({ request, reply, mask }, (stream) =>
      tellBeginning(stream, (onProgress) =>
        appliance.upgrade({ ...asked, dryRun }, onProgress, stream.signal),
      ),
    );
  });

  server.post('/api/rollback', { schema: { body: RollbackRequest } }, async (request, reply) => {
    const { dryRun = false, data = 'keep', to, uncounted } = request.body;
    await answerInLines<BeginMessage>({ request, reply, mask }, (stream) =>
      tellBeginning(stream, () => appliance.rollback({ to, data, dryRun, uncounted }, stream.signal)),
    );
  });
};

/** Line by line: how far the looking is, then the plan, then what was begun; or why not. */
async function tellBeginning(
  { send, sendIfRoom }: LineStream<BeginMessage>,
  begin: (onProgress: OnProgress) => Promise<Begun>,
): Promise<void> {
  try {
    const { plan, operation, halts, joins, planned } = await begin(
      (done, total) => void sendIfRoom({ kind: 'progress', done, total }),
    );
    await send({ kind: 'plan', plan });
    if (planned !== undefined) await send({ kind: 'planned', planned });
    if (operation !== undefined)
      await send({
        ...{ kind: 'operation', id: operation },
        ...(halts ? { halts } : {}),
        ...(joins ? { joins } : {}),
      });
  } catch (error) {
    await send({ kind: 'error', error: { ...reportOf(error) } });
  }
}

/** What was said on the way, such as the output of a migration. */
function notesOf(events: readonly JournalEvent[]): Note[] {
  return events.flatMap(({ type, at, step, text }) =>
    type === 'note' && text !== null ? [{ at, step, text }] : [],
  );
}
