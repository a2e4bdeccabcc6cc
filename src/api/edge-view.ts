// Where the application is reached: what the running edge publishes, which is not always what the settings say.

import type { StatusAnswer } from './schemas.ts';
import type { DeployTools } from '../deploy/index.ts';
import type { ContainerFacts } from '../engine/index.ts';

const HTTP = 80;
const HTTPS = 443;
const EVERY_ADDRESS = '0.0.0.0';

export interface Published {
  readonly address: string;
  readonly httpPort: number | undefined;
  readonly httpsPort: number | undefined;
}

export function publishedBy({ published }: Pick<ContainerFacts, 'published'>): Published {
  const portOf = (inside: number) => published.find(({ containerPort }) => containerPort === inside);
  return {
    address: portOf(HTTPS)?.address ?? EVERY_ADDRESS,
    httpPort: portOf(HTTP)?.hostPort,
    httpsPort: portOf(HTTPS)?.hostPort,
  };
}

export function publishedMeant({ settings }: Pick<DeployTools, 'settings'>): Published {
  const { address, httpPort, httpsPort } = settings().edge;
  return { address, httpPort, httpsPort };
}

/** Names stand for whatever address the edge listens at; without one it is that address, or this machine. */
export function addressesOf(
  published: Published | undefined,
  { settings }: Pick<DeployTools, 'settings'>,
): string[] {
  if (published?.httpsPort === undefined) return [];
  const { address, httpsPort } = published;
  const port = httpsPort === HTTPS ? '' : `:${httpsPort}`;
  const { names } = settings().edge;
  const own = address === EVERY_ADDRESS ? 'localhost' : address;
  return (names.length === 0 ? [own] : names).map((name) => `https://${inUrl(name)}${port}`);
}

function inUrl(name: string): string {
  return name.includes(':') ? `[${name}]` : name;
}

/** The edge keeps its ports until an installation makes it anew. */
export function attentionToEdge(
  published: Published | undefined,
  tools: Pick<DeployTools, 'settings' | 'paths'>,
): StatusAnswer['attention'] {
  if (published === undefined) return [];
  const [now, meant] = [inWords(published), inWords(publishedMeant(tools))];
  if (now === meant) return [];
  const what = `${tools.paths.settings} asks for ${meant}, the edge listens at ${now}; that changes with the next installation.`;
  return [{ what, command: 'onstead install BUNDLE' }];
}

function inWords({ address, httpPort, httpsPort }: Published): string {
  const at = address === EVERY_ADDRESS ? '' : ` of ${address}`;
  return `http ${httpPort ?? 'nowhere'} and https ${httpsPort ?? 'nowhere'}${at}`;
}
