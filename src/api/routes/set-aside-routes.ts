// What a way back kept aside: list it, remove it.

import { Type } from '../../base/schema.ts';
import { SetAsideAnswer } from '../schemas.ts';
import type { Routes } from '../route.ts';

const Id = Type.Object({ id: Type.String({ maxLength: 200 }) });

export const setAsideRoutes: Routes = (server, appliance) => {
  server.get('/api/set-aside', { schema: { response: { 200: Type.Array(SetAsideAnswer) } } }, () =>
    appliance.setAside(),
  );

  server.post(
    '/api/set-aside/:id/remove',
    { schema: { params: Id, response: { 200: SetAsideAnswer } } },
    async (request, reply) => {
      const left = new AbortController();
      reply.raw.on('close', () => left.abort()); // whoever asked waits no more for the stack
      return appliance.removeSetAside(request.params.id, left.signal);
    },
  );
};
