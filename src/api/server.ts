// The API as a value: every route with its schema, no socket of its own.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { LogController, type FastifyBaseLogger } from 'fastify';
import { isOnsteadError, reportOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { maskTexts } from '../base/mask.ts';
import type { Appliance } from './appliance.ts';
import { compilersFactory } from './compilers.ts';
import type { Server } from './route.ts';
import { operationRoutes } from './routes/operation-routes.ts';
import { setAsideRoutes } from './routes/set-aside-routes.ts';
import { systemRoutes } from './routes/system-routes.ts';

const BODY_LIMIT_BYTES = 64 * 1024;

export function buildServer(appliance: Appliance, log: Logger): Server {
  const server = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    // A reader who follows an operation would hold up the daemon's end for as long as he likes.
    forceCloseConnections: true,
    // A misspelt key is refused: dropped silently, a look would become an installation.
    ajv: { customOptions: { removeAdditional: false } },
    schemaController: { compilersFactory },
  }).withTypeProvider<TypeBoxTypeProvider>();
  // Answers in lines do the same: these two are all that leaves here.
  server.addHook('preSerialization', async (_request, _reply, answer) =>
    maskTexts(answer, (text) => appliance.mask(text)),
  );
  server.setErrorHandler((error, request, reply) => {
    const status = statusFor(error);
    if (status >= 500 && !isOnsteadError(error)) request.log.error({ err: error }, 'a request failed');
    return reply.status(status).send(reportFor(error, status));
  });
  server.setNotFoundHandler((request, reply) =>
    reply.status(404).send({ code: 'usage.no-route', message: `There is nothing at ${request.url}.` }),
  );
  for (const routes of [systemRoutes, operationRoutes, setAsideRoutes]) routes(server, appliance);
  return server;
}

const STATUS_BY_ROOM: Readonly<Record<string, number>> = {
  usage: 400,
  operation: 409,
  bundle: 422,
  release: 422,
};

function statusFor(error: unknown): number {
  if (isValidation(error)) return 400;
  if (!isOnsteadError(error)) return statusCodeOf(error) ?? 500;
  if (error.code.endsWith('.unknown')) return 404;
  return STATUS_BY_ROOM[error.code.split('.')[0] ?? ''] ?? 500;
}

function reportFor(error: unknown, status: number) {
  if (isOnsteadError(error)) return reportOf(error);
  if (status >= 500)
    return { code: 'internal.unexpected', message: 'Something unexpected went wrong; the log says more.' };
  return {
    code: 'usage.request',
    message: error instanceof Error ? error.message : 'The request was refused.',
  };
}

function isValidation(error: unknown): boolean {
  return error instanceof Error && 'validation' in error;
}

function statusCodeOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}
