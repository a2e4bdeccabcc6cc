// How dockerode's requests reach the engine. No connection is kept: after an engine restart a kept one would fail the
// first call of whoever comes next. And an answer that is cut off half way fails its call at once: dockerode itself
// would wait for the rest for ever.

import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import { http } from '../base/http.ts';

/** Node's own contract between a request and its agent, which its types leave out. */
type AddRequest = (request: ClientRequest, ...rest: unknown[]) => void;

export function createAgent(): Agent {
  const agent = new http.Agent({ keepAlive: false }) as Agent & { addRequest: AddRequest };
  const addRequest = agent.addRequest.bind(agent);
  agent.addRequest = (request, ...rest) => {
    request.once('response', (answer) => failWhenCut(request, answer));
    addRequest(request, ...rest);
  };
  return agent;
}

function failWhenCut(request: ClientRequest, answer: IncomingMessage): void {
  answer.once('close', () => {
    if (answer.complete) return;
    const cut = Object.assign(new Error('The answer was cut off.'), { code: 'ECONNRESET' });
    if (request.listenerCount('error') > 0) request.emit('error', cut);
  });
}
