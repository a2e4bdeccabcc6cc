// What runs here and how it is.

import { Type } from '../../base/schema.ts';
import { answerInLines } from '../line-stream.ts';
import { ServiceAnswer, StatusAnswer, VersionAnswer, type LogMessage } from '../schemas.ts';
import type { Routes } from '../route.ts';

export const systemRoutes: Routes = (server, appliance) => {
  const mask = (text: string): string => appliance.mask(text);
  server.get('/api/version', { schema: { response: { 200: VersionAnswer } } }, () => appliance.version());

  server.get('/api/status', { schema: { response: { 200: StatusAnswer } } }, () => appliance.status());

  server.get('/api/services', { schema: { response: { 200: Type.Array(ServiceAnswer) } } }, () =>
    appliance.services(),
  );

  server.get(
    '/api/services/:name/logs',
    {
      schema: {
        params: Type.Object({ name: Type.String({ maxLength: 100 }) }),
        querystring: Type.Object({
          tail: Type.Integer({ minimum: 0, maximum: 100_000, default: 100 }),
          follow: Type.Boolean({ default: false }),
        }),
      },
    },
    async (request, reply) => {
      const { tail, follow } = request.query;
      const gone = new AbortController();
      reply.raw.on('close', () => gone.abort()); // a reader may leave before the first line comes
      // The first line is fetched before the answer begins, so that an unknown service is a proper error.
      const all = appliance.logs(request.params.name, { tail, follow, signal: gone.signal });
      const lines = all[Symbol.asyncIterator]();
      const first = await lines.next();
      await answerInLines<LogMessage>({ request, reply, mask }, async ({ send }) => {
        for (let next = first; next.done !== true; next = await lines.next()) await send(next.value);
      });
    },
  );
};
