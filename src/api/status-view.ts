// Is it well, in one sentence, and what needs a person.

import type { ServiceAnswer, StatusAnswer } from './schemas.ts';
import type { OperationView } from '../journal/index.ts';
import { readFact, type DeployTools } from '../deploy/index.ts';
import { readServices } from './service-view.ts';
import { certificateEnd, certificateSecrets } from '../stack/index.ts';

export async function readStatus(tools: DeployTools): Promise<StatusAnswer> {
  const { journal, secrets } = tools;
  const installed = readFact(journal, 'installed');
  const services = await readServices(tools);
  const operation = journal.unfinished()[0];
  const ill = services.filter(({ well, wanted }) => well < wanted);
  const attention: StatusAnswer['attention'] = ill.map(({ name }) => ({
    what: `${name} is not well.`,
    command: `onstead logs ${name}`,
  }));
  if (operation?.state === 'stuck') {
    attention.push({
      what: `"${operation.title}" is stuck.`,
      command: `onstead operations show ${operation.id}`,
    });
  }
  const offered = readFact(journal, 'machineChange') ?? null;
  return {
    sentence: sentenceFor(installed?.title, services, ill, operation),
    well: attention.length === 0,
    release:
      installed === undefined
        ? null
        : {
            product: installed.product,
            title: installed.title,
            version: installed.version,
            installedAt: installed.installedAt,
          },
    addresses: installed === undefined ? [] : addressesOf(tools),
    certificateEnds: secrets.has(certificateSecrets.server)
      ? certificateEnd(secrets.get(certificateSecrets.server)).toISOString()
      : null,
    services,
    operation:
      operation === undefined ? null : { id: operation.id, title: operation.title, state: operation.state },
    machineChange: offered === null ? null : { sentence: offered.sentence, changes: [...offered.changes] },
    attention,
  };
}

function sentenceFor(
  title: string | undefined,
  services: readonly ServiceAnswer[],
  ill: readonly ServiceAnswer[],
  operation: OperationView | undefined,
): string {
  if (operation?.state === 'stuck') return `${operation.title}: stuck, and a person has to look.`;
  if (operation !== undefined) return `${operation.title}: under way.`;
  if (title === undefined) return 'Nothing is installed yet.';
  if (ill.length > 0) return `${title} is not well: ${ill.map(({ name }) => name).join(', ')}.`;
  return `${title} is well: ${services.length} services run.`;
}

function addressesOf({ settings }: DeployTools): string[] {
  const { httpsPort, names } = settings().edge;
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  return (names.length === 0 ? ['localhost'] : names).map((name) => `https://${name}${port}`);
}
