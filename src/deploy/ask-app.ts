// The vendor's smoke checks asked of one replica of the app itself, as the edge would pass them on: where there is no edge,
// or where requests wait at it.

import { askWorker } from '../base/worker.ts';
import { certificateSecrets } from '../stack/index.ts';
import type { ClientQuestion, ClientSample, ClientTarget } from './client-question.ts';
import { stackRelease } from './stack-files.ts';
import { containersOf, placeOf, type DeployTools } from './tools.ts';

const EVERY_MS = 100;

export interface AppAnswers {
  readonly asked: readonly string[];
  /** The first answer that is not as it should be, in words. */
  readonly complaint: string | undefined;
}

export async function askApp(tools: DeployTools, project: string, signal: AbortSignal): Promise<AppAnswers> {
  const release = await stackRelease(tools);
  const app = release.services.find((one) => one.role === 'app');
  const [container] = app === undefined ? [] : await containersOf(tools, project, app.name);
  if (app === undefined || container === undefined) return { asked: [], complaint: undefined };
  const { address, networkOfPid } = await placeOf(tools, container.id);
  const checks = [{ path: app.ready, status: 200 }, ...release.smoke];
  const targets = checks.map(({ path, ...expected }): ClientTarget => ({
    key: path,
    url: `http://${address}:${app.port}${path}`,
    ...expected,
  }));
  const question: ClientQuestion = {
    targets,
    everyMs: EVERY_MS,
    forMs: EVERY_MS * targets.length,
    authority: tools.secrets.get(certificateSecrets.authority),
  };
  const samples = await askWorker<ClientQuestion, ClientSample[]>(
    import.meta.url,
    './workers/client-worker',
    question,
    { networkOfPid, signal },
  );
  const bad = samples.find(({ complaint }) => complaint !== undefined);
  return {
    asked: targets.map(({ key }) => key),
    complaint: bad && `${bad.key} answered wrongly: ${bad.complaint}`,
  };
}
