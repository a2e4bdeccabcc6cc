// The second Compose file: everything Onstead adds to the vendor's own. Sizes, hardening, networks, secrets and
// data volumes stand here, so that the vendor's file stays what the vendor wrote.

import { Document, isMap, type ParsedNode, type Node } from 'yaml';
import type { Release, ReleaseService } from '../release/index.ts';
import type { ServiceSize, SizingPlan } from '../sizing/index.ts';
import { pointsVolumeKey, pointsVolumeOf } from './points/place.ts';
import { kindOf, userOf } from './services/index.ts';
import type { ComposeService } from './services/kind.ts';
import { holder, holderName } from './services/nginx.ts';
import type { Settings } from './settings.ts';

export interface StackInput {
  readonly project: string;
  readonly release: Release;
  /** Service name → the image as the engine knows it. */
  readonly images: Readonly<Record<string, string>>;
  /** The image that the edge's namespace was first made from. */
  readonly holderImage: string;
  readonly plan: SizingPlan;
  readonly settings: Settings;
  /** The vendor's name of a volume → the volume that holds the data now. */
  readonly volumes: Readonly<Record<string, string>>;
  /** Where the opened secrets lie, one folder a service. */
  readonly unsealedFolder: string;
}

/** Replaces what the vendor's file says at this place instead of being merged into it. */
class Replaced {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

const LOGGING = { driver: 'local', options: { 'max-size': '20m', 'max-file': '5' } };
const PIDS_LIMIT = 1024;
/**
 * `internal` only stops forwarding: through the bridge's address a container would still reach every port of the
 * machine. Without that address there is nothing to reach; the daemon goes in by the container's own network.
 */
const SEALED = { internal: true, driver_opts: { 'com.docker.network.bridge.inhibit_ipv4': 'true' } };
/**
 * Names of the stack are the engine's to answer. Any other it would ask of the machine's resolver on the container's
 * behalf, and so carry words out of a sealed network; this one is nobody. The wait for nobody is kept short.
 */
const INNER_NAMES = {
  dns: new Replaced(['127.0.0.1']),
  dns_opt: new Replaced(['timeout:2', 'attempts:2']),
};
/**
 * Published ports need a bridge with an address and no `internal`. Answers find their way back by the connection they
 * belong to; what the edge would begin by itself leaves with an address that nobody can answer.
 */
const PUBLISHED = { driver_opts: { 'com.docker.network.bridge.enable_ip_masquerade': 'false' } };
const CPU_SHARES_PER_CPU = 1024;

/** The engine's name of the network in which the edge reaches the app. */
export function edgeNetworkOf(project: string): string {
  return `${project}_front`;
}

export function renderOverride(input: StackInput): string {
  const services = Object.fromEntries(input.release.services.map((one) => [one.name, entryOf(one, input)]));
  const text = taggedYaml({
    name: input.project,
    services: { ...services, [holderName]: holderEntry(input) },
    networks: {
      public: new Replaced(PUBLISHED),
      ...(input.release.services.some(({ isOutbound }) => isOutbound) ? { outbound: new Replaced({}) } : {}),
      front: new Replaced(SEALED),
      data: new Replaced(SEALED),
    },
    // External: `docker compose down -v`, typed in haste, cannot delete data.
    volumes: Object.fromEntries(
      Object.entries(volumesOf(input)).map(([name, actual]) => [
        name,
        new Replaced({ name: actual, external: true }),
      ]),
    ),
  });
  return `# Written by Onstead; changes here are overwritten. See onstead.yaml for what may be chosen.\n${text}`;
}

/** The vendor's, and where a database is, the place for its copies. */
function volumesOf({ project, release, volumes }: StackInput): Readonly<Record<string, string>> {
  if (!release.services.some(({ role }) => role === 'mysql')) return volumes;
  return { ...volumes, [pointsVolumeKey]: pointsVolumeOf(project) };
}

function entryOf(service: ReleaseService, input: StackInput): ComposeService {
  const size = sizeOf(service.name, input.plan);
  const fenced: ComposeService = {
    image: input.images[service.name],
    pull_policy: 'never',
    restart: service.compose['restart'] ?? 'unless-stopped',
    security_opt: new Replaced(['no-new-privileges:true']),
    logging: new Replaced(LOGGING),
    ports: new Replaced([]),
    secrets: new Replaced([]),
    container_name: new Replaced(null),
    ...networkOf(service),
    deploy: new Replaced(deployOf(size)),
    ...olderSpellings(),
    memswap_limit: size.memoryLimitBytes, // the limit is all there is: a container never swaps
    cpu_shares: Math.max(2, Math.round(size.cpuReservation * CPU_SHARES_PER_CPU)),
    labels: { 'onstead.role': service.role },
    volumes: [secretsMount(service.name, input)],
  };
  const kind = kindOf(service);
  if (kind === undefined) {
    // Packets of its own making would let it speak as its neighbours, and to the machine through a bridge without address.
    return isGivenCapabilities(service) ? fenced : { ...fenced, cap_drop: ['NET_RAW'] };
  }
  const own = kind.compose({
    service,
    size,
    release: input.release,
    settings: input.settings,
    configFolder: `./config/${service.name}`,
  });
  const merged: ComposeService = {
    ...fenced,
    user: userOf(service),
    read_only: true,
    cap_drop: new Replaced(['ALL']),
    cap_add: new Replaced([]),
    privileged: false,
    ...own,
    volumes: [...(fenced['volumes'] as unknown[]), ...((own['volumes'] as unknown[] | undefined) ?? [])],
  };
  if (own['healthcheck'] !== undefined) merged['healthcheck'] = new Replaced(own['healthcheck']);
  if (own['network_mode'] !== undefined) merged['networks'] = new Replaced(null);
  return merged;
}

function isGivenCapabilities({ compose }: ReleaseService): boolean {
  return Array.isArray(compose['cap_add']) && compose['cap_add'].length > 0;
}

function holderEntry(input: StackInput): ComposeService {
  return {
    ...holder(input.holderImage, input.settings),
    pull_policy: 'never',
    restart: 'unless-stopped',
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    logging: LOGGING,
    pids_limit: 16,
    labels: { 'onstead.role': 'edge' },
  };
}

/** A carried service may share a neighbour's network or have none; the release's rules judged what it says. */
function networkOf(service: ReleaseService): ComposeService {
  const mode = String(service.compose['network_mode'] ?? '');
  if (service.role === 'carried' && /^(none|host|service:.+)$/.test(mode)) {
    return { network_mode: mode, networks: new Replaced(null) };
  }
  const own = { network_mode: new Replaced(null), networks: new Replaced(networksOf(service)) };
  return service.role === 'nginx' || service.isOutbound ? own : { ...own, ...INNER_NAMES };
}

/** What `deploy` says too: Compose refuses a service that says both. Sizing has read the vendor's limits before. */
function olderSpellings(): ComposeService {
  const keys = ['mem_limit', 'mem_reservation', 'cpus', 'pids_limit', 'scale'];
  return Object.fromEntries(keys.map((key) => [key, new Replaced(null)]));
}

function networksOf(service: ReleaseService): Record<string, object> {
  const inner = innerNetworksOf(service);
  return service.isOutbound ? { ...inner, outbound: {} } : inner;
}

function innerNetworksOf(service: ReleaseService): Record<string, object> {
  switch (service.role) {
    case 'app':
      return { front: {}, data: {} };
    case 'nginx':
      return {};
    default:
      return { data: {} };
  }
}

function deployOf(size: ServiceSize): object {
  return {
    replicas: size.replicas,
    resources: {
      limits: { memory: String(size.memoryLimitBytes), cpus: String(size.cpuLimit), pids: PIDS_LIMIT },
      reservations: { memory: String(size.memoryReservationBytes) },
    },
  };
}

function secretsMount(service: string, input: StackInput): object {
  return {
    type: 'bind',
    source: `${input.unsealedFolder}/${service}`,
    target: '/run/secrets',
    read_only: true,
    // Without its secrets a service must not start; the engine would make an empty folder.
    bind: { create_host_path: false },
  };
}

export function sizeOf(service: string, plan: SizingPlan): ServiceSize {
  const size = plan.services.find(({ name }) => name === service);
  if (size === undefined) throw new Error(`the sizing plan has no service "${service}"`);
  return size;
}

/** YAML with Compose's `!override` and `!reset` at the replaced places. */
function taggedYaml(value: object): string {
  const doc = new Document<ParsedNode>({});
  doc.contents = nodeOf(value, doc) as ParsedNode;
  return doc.toString({ lineWidth: 0 });
}

function nodeOf(value: unknown, doc: Document<ParsedNode>): Node {
  if (value instanceof Replaced) return replacedNode(value, doc);
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return doc.createNode(value) as Node;
  const map = doc.createNode({});
  if (!isMap(map)) throw new Error('an empty object is always a map');
  for (const [key, child] of Object.entries(value)) {
    if (child !== undefined) map.items.push(doc.createPair(key, nodeOf(child, doc)) as never);
  }
  return map;
}

function replacedNode({ value }: Replaced, doc: Document<ParsedNode>): Node {
  const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
  const node = doc.createNode(value) as Node;
  node.tag = isEmpty ? '!reset' : '!override';
  return node;
}
