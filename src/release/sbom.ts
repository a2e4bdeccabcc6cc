// The list of everything inside, as CycloneDX 1.5: each image with its system and npm packages, and Onstead with its
// own. The same content gives the same bytes.

import { createHash } from 'node:crypto';
import type { BundleImage } from './bundle-index.ts';
import type { Package, PackageList } from './packages.ts';

export interface SbomInput {
  readonly product: string;
  readonly version: string;
  readonly createdAt: Date;
  readonly images: readonly {
    readonly image: BundleImage;
    readonly lists: ReadonlyMap<string, PackageList>;
  }[];
  readonly daemon?: { readonly version: string; readonly lists: ReadonlyMap<string, PackageList> };
}

interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

export function sbomOf(input: SbomInput): string {
  const components = [...input.images.map(imageComponent), ...daemonComponents(input)];
  const body = {
    metadata: {
      timestamp: input.createdAt.toISOString(),
      component: { type: 'application', 'bom-ref': 'product', name: input.product, version: input.version },
    },
    components,
    dependencies: [{ ref: 'product', dependsOn: components.map((one) => one['bom-ref']) }],
  };
  const head = {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    version: 1,
  };
  return `${JSON.stringify({ ...head, ...body }, null, 1)}\n`;
}

function imageComponent({ image, lists }: SbomInput['images'][number]): Component {
  const reference = image.contentTag;
  const os = [...lists.values()].find((list) => list.kind === 'os')?.packages[0];
  const unread = [...lists.values()].some((list) => list.kind === 'rpm');
  return {
    type: 'container',
    'bom-ref': reference,
    name: image.repository,
    version: image.manifestDigest,
    hashes: [{ alg: 'SHA-256', content: image.manifestDigest.replace('sha256:', '') }],
    properties: [
      { name: 'onstead:services', value: image.services.join(' ') },
      { name: 'onstead:imageId', value: image.configDigest },
      ...(unread ? [{ name: 'onstead:unread', value: 'The RPM database of this image is not read.' }] : []),
    ],
    components: [
      ...(os === undefined ? [] : [osComponent(reference, os)]),
      ...packageComponents(reference, lists, os),
    ],
  };
}

function osComponent(parent: string, os: Package): Component {
  return { type: 'operating-system', 'bom-ref': `${parent}#os`, name: os.name, version: os.version };
}

function daemonComponents({ daemon }: SbomInput): Component[] {
  if (daemon === undefined) return [];
  const reference = `onstead@${daemon.version}`;
  return [
    {
      type: 'application',
      'bom-ref': reference,
      name: 'onstead',
      version: daemon.version,
      components: packageComponents(reference, daemon.lists, undefined),
    },
  ];
}

function packageComponents(
  parent: string,
  lists: ReadonlyMap<string, PackageList>,
  os: Package | undefined,
): Component[] {
  const found = new Map<string, Component>();
  for (const { kind, packages } of lists.values()) {
    if (kind === 'os' || kind === 'rpm') continue;
    for (const one of packages) {
      const purl = purlOf(kind, one, os);
      found.set(purl, {
        type: 'library',
        'bom-ref': `${parent}#${purl}`,
        name: one.name,
        version: one.version,
        purl,
        ...(one.license === undefined ? {} : { licenses: [{ license: { name: one.license } }] }),
        ...(one.source === undefined ? {} : { properties: [{ name: 'onstead:source', value: one.source }] }),
      });
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component);
}

function purlOf(kind: 'deb' | 'apk' | 'npm', one: Package, os: Package | undefined): string {
  const version = encodeURIComponent(one.version);
  if (kind === 'npm') return `pkg:npm/${one.name.replace('@', '%40')}@${version}`;
  const vendor = os?.name ?? (kind === 'deb' ? 'debian' : 'alpine');
  const extra = [
    ...(one.arch === undefined ? [] : [`arch=${encodeURIComponent(one.arch)}`]),
    ...(os === undefined ? [] : [`distro=${encodeURIComponent(`${os.name}-${os.version}`)}`]),
  ].join('&');
  return `pkg:${kind}/${vendor}/${encodeURIComponent(one.name)}@${version}${extra === '' ? '' : `?${extra}`}`;
}

/** A name-based id: the same list has the same one. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
