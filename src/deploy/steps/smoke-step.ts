// The last gate: the stack is used as a client of the edge would, over TLS that the appliance's own authority
// vouches for.

import { OnsteadError, messageOf } from '../../base/errors.ts';
import type { Executor } from '../../journal/index.ts';
import type { Release, SmokeCheck } from '../../release/index.ts';
import { certificateSecrets } from '../../stack/index.ts';
import type { InstallSteps } from '../install-plan.ts';
import { stackRelease } from '../stack-files.ts';
import type { DeployTools } from '../tools.ts';

const GIVE_UP_MS = 60_000;
const ANSWER_WITHIN_MS = 15_000;
const BETWEEN_MS = 500;
const BODY_LIMIT = 1024 * 1024;

export function smokeTestStep(tools: DeployTools): Executor<InstallSteps['smoke-test']> {
  return {
    verifies: true,
    async apply(_input, context) {
      const checks = checksOf(await stackRelease(tools));
      for (const [at, check] of checks.entries()) {
        await passWithin(tools, check, context.signal);
        context.progress({ done: at + 1, total: checks.length, unit: 'items', note: check.path });
      }
      return checks.map(({ path }) => path).join(', ');
    },
  };
}

/** What the vendor asks for, and in any case that each app says it is ready. */
function checksOf(release: Release): SmokeCheck[] {
  const ready = release.services.flatMap((one) =>
    one.role === 'app' ? [{ path: one.ready, status: 200 }] : [],
  );
  return [...ready.slice(0, 1), ...release.smoke];
}

async function passWithin(tools: DeployTools, check: SmokeCheck, signal: AbortSignal): Promise<void> {
  const giveUpAtMs = tools.clock.monotonicMs() + GIVE_UP_MS;
  for (;;) {
    const complaint = await complaintAbout(tools, check);
    if (complaint === undefined) return;
    if (tools.clock.monotonicMs() > giveUpAtMs) {
      throw new OnsteadError('operation.smoke-failed', `${check.path} through the edge: ${complaint}.`, {
        next: 'Look at the app with `onstead logs app` and at the edge with `onstead logs nginx`.',
      });
    }
    await tools.clock.sleep(BETWEEN_MS, signal);
  }
}

async function complaintAbout(tools: DeployTools, check: SmokeCheck): Promise<string | undefined> {
  try {
    const { status, body } = await askEdge(tools, check.path);
    if (status !== check.status) return `expected status ${check.status}, got ${status}`;
    if (check.contains !== undefined && !body.includes(check.contains)) {
      return `the answer does not contain "${check.contains}"`;
    }
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function askEdge(tools: DeployTools, path: string): Promise<{ status: number; body: string }> {
  const { address, httpsPort } = tools.settings().edge;
  // Loaded at the first use: TLS is 10 MB that a daemon which only starts and idles never needs.
  const { request } = process.getBuiltinModule('node:https');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: address === '0.0.0.0' ? '127.0.0.1' : address,
        port: httpsPort,
        path,
        ca: tools.secrets.get(certificateSecrets.authority),
        servername: 'localhost',
        agent: false,
        timeout: ANSWER_WITHIN_MS,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          if (body.length < BODY_LIMIT) body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      },
    );
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}
