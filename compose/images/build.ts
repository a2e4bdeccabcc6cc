// node_modules/.bin/node compose/images/build.ts [--only NAME]… [--refresh] [--json | --flags]
// Builds the demo images from Debian packages into the local engine. Progress goes to stderr.

import { parseArgs } from 'node:util';
import { isOnsteadError, messageOf, OnsteadError } from '../../src/base/errors.ts';
import { formatBytes, formatDuration } from '../../src/base/units.ts';
import { buildImages, IMAGE_NAMES } from './builder.ts';

const HELP = `Usage: node_modules/.bin/node compose/images/build.ts [--only NAME]... [--refresh] [--json | --flags]

Builds working equivalents of the default stack's images from Debian packages, and the sample app.
Needs apt, dpkg-deb, npm and a Docker engine; changes nothing on the machine but the engine's images
and compose/images/.cache.

  --only NAME   one of: ${IMAGE_NAMES.join(', ')}; may be repeated
  --refresh     build again, with the newest packages
  --json        print [{name, image, id, sizeBytes, cached}] on stdout
  --flags       print what "onstead bundle build compose/compose.yaml" needs to take them: --image ...
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      refresh: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      flags: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const unknown = (values.only ?? []).filter((name) => !IMAGE_NAMES.includes(name));
  if (unknown.length > 0) {
    throw new OnsteadError('usage.image', `There is no image "${unknown.join('", "')}".`, {
      next: `Choose from: ${IMAGE_NAMES.join(', ')}.`,
    });
  }
  const startedMs = performance.now();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const images = await buildImages({
    ...(values.only && { only: values.only }),
    refresh: values.refresh,
    say,
  });
  const fresh = images.filter((image) => !image.cached).length;
  say(`${images.length} images, ${fresh} built, in ${formatDuration(performance.now() - startedMs)}`);
  if (values.json) process.stdout.write(`${JSON.stringify(images, null, 2)}\n`);
  else if (values.flags) process.stdout.write(`${flagsFor(images)}\n`);
  else for (const { image, sizeBytes } of images) say(`  ${image}  ${formatBytes(sizeBytes)}`);
}

/** The default stack's services, and the image that stands in for each; the sample app goes by its own name. */
const STAND_INS = { mysql: 'mysql', redis: 'redis', nginx: 'nginx', minio: 'object-store' } as const;

function flagsFor(images: readonly { readonly name: string; readonly image: string }[]): string {
  return Object.entries(STAND_INS)
    .flatMap(([service, name]) => {
      const made = images.find((image) => image.name === name);
      return made === undefined ? [] : [`--image ${service}=${made.image}`];
    })
    .join(' ');
}

await main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  if (isOnsteadError(error) && error.next !== undefined) process.stderr.write(`${error.next}\n`);
  process.exitCode = 1;
});
