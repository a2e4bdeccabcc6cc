// The edge: nginx behind a holder that owns the network namespace and the published ports. nginx can be replaced
// inside that namespace while both listen, so no connection is refused; the holder itself only sleeps.

import type { AppService, NginxService, Release } from '../../release/index.ts';
import { askInShell, countersPath, statusPort, statusSocket } from '../edge/status.ts';
import {
  markPath,
  mayGoOnPath,
  mayGoOnPort,
  renderUpstreams,
  upstreamsFile,
  type EdgeApp,
} from '../edge/upstreams.ts';
import type { ComposeService, ServiceContext, ServiceKind } from './kind.ts';

export const holderName = 'onstead-edge';
const CONFIG = '/etc/onstead/nginx.conf';

const edgeHealth = {
  test: ['CMD-SHELL', askInShell('/health', true).replaceAll('$', '$$$$')], // Compose reads a single $ itself
  interval: '3s',
  timeout: '3s',
  retries: 5,
  start_period: '1m',
};

export const nginxKind: ServiceKind<NginxService> = {
  defaultUser: '101:101',
  secretNames: ['edge.crt', 'edge.key'],
  compose: ({ configFolder }) => ({
    command: ['nginx', '-c', CONFIG, '-g', 'daemon off;'],
    network_mode: `service:${holderName}`,
    volumes: [`${configFolder}:/etc/onstead:ro`],
    tmpfs: ['/tmp:uid=101,gid=101,mode=700'],
    stop_signal: 'SIGQUIT', // finish the answers under way
    stop_grace_period: '1m',
    healthcheck: edgeHealth,
  }),
  config: (context) => {
    const conf = edgeConfig(context);
    return {
      'nginx.conf': conf,
      [upstreamsFile]: renderUpstreams(edgeAppOf(context.release), { kind: 'all' }, conf),
    };
  },
};

const HOLDER_BYTES = 16 * 1024 * 1024; // it only sleeps

/** The namespace's owner. It keeps the image it was first made from, since replacing it would drop connections. */
export function holder(image: string, settings: ServiceContext['settings']): ComposeService {
  const { address, httpPort, httpsPort } = settings.edge;
  return {
    image,
    init: true, // sleep alone would not end on SIGTERM
    entrypoint: ['sleep', 'infinity'],
    user: nginxKind.defaultUser,
    networks: { public: {}, front: {} },
    ports: [`${address}:${httpPort}:80`, `${address}:${httpsPort}:443`],
    sysctls: {
      'net.ipv4.ip_unprivileged_port_start': '0',
      // A connection that waits on a listener which is closing moves to another one instead of being reset.
      'net.ipv4.tcp_migrate_req': '1',
      'net.core.somaxconn': '4096',
    },
    // Whoever answers in the namespace answers for the edge; without a check `docker compose up --wait` fails.
    healthcheck: edgeHealth,
    mem_limit: HOLDER_BYTES,
    memswap_limit: HOLDER_BYTES,
    cpus: 0.1,
  };
}

/** The first app of the release; a release without one is refused when it is read. */
export function edgeAppOf({ services }: Release): EdgeApp {
  const app = services.find((service): service is AppService => service.role === 'app');
  return { name: app?.name ?? 'app', port: app?.port ?? 80 };
}

/** nginx ends what a worker of before still serves when this is over: never sooner than the app's replicas may leave. */
export function edgePatienceSeconds({ services }: Release): number {
  const drains = services.map((service) => (service.role === 'app' ? service.drainMs : 0));
  return Math.ceil(Math.max(60_000, ...drains) / 1000) + 15;
}

function edgeConfig({ size, settings, release }: ServiceContext<NginxService>): string {
  const workers = size.settings['worker_processes'] ?? 'auto';
  const connections = size.settings['worker_connections'] ?? 1024;
  const openFiles = size.settings['worker_rlimit_nofile'] ?? 4096;
  const httpsSuffix = settings.edge.httpsPort === 443 ? '' : `:${settings.edge.httpsPort}`;
  return `# Written by Onstead; changes here are overwritten.
worker_processes ${workers};
worker_rlimit_nofile ${openFiles};
worker_shutdown_timeout ${edgePatienceSeconds(release)}s;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {
  worker_connections ${connections};
}

http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  server_tokens off;
  sendfile on;
  tcp_nopush on;

  log_format line escape=json '{"at":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
    '"path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_addr","upstreamStatus":"$upstream_status","requestId":"$request_id"}';
  access_log /dev/stdout line;

  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;

  client_max_body_size ${settings.edge.maxBodyBytes};
  client_header_timeout 15s;
  client_body_timeout 60s;
  send_timeout 60s;
  keepalive_timeout 75s;
  # A reload waits this long for a next request on kept-alive connections instead of resetting them.
  keepalive_min_timeout 10s;

  # Docker's own resolver: names of containers, also after they were replaced.
  resolver 127.0.0.11 valid=2s ipv6=off;

  include ${upstreamsFile};

  map $http_upgrade $connection_upgrade {
    default upgrade;
    '' '';
  }

  server {
    listen 80 reuseport default_server;
    return 308 https://$host${httpsSuffix}$request_uri;
  }

  server {
    listen 443 ssl reuseport default_server;
    http2 ${settings.edge.http2 ? 'on' : 'off'};
    ssl_certificate /run/secrets/edge.crt;
    ssl_certificate_key /run/secrets/edge.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:2m;
    ssl_session_tickets off;

    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      # Bodies pass through: a large upload needs neither memory nor disk at the edge.
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_connect_timeout 5s;
      proxy_read_timeout 120s;
      # Requests that may be sent twice go to another replica; a POST never does.
      proxy_next_upstream error timeout http_503;
      proxy_next_upstream_tries 3;
    }

    # Asked before each request while requests are held. Whatever goes wrong with asking lets the request go on.
    location = ${mayGoOnPath} {
      internal;
      proxy_pass http://127.0.0.1:${mayGoOnPort};
      proxy_pass_request_headers off;
      proxy_pass_request_body off;
      proxy_connect_timeout 1s;
      error_page 500 502 503 504 =204 @go-on;
    }
    location @go-on { return 204; }
  }

  server {
    listen 127.0.0.1:${statusPort} reuseport;
    listen unix:${statusSocket};
    access_log off;
    auth_request off;
    location = /health { return 200 "ok\\n"; }
    location = ${countersPath} { stub_status; }
    location = ${markPath} { return 200 "$onstead_mark\\n"; }
  }
}
`;
}
