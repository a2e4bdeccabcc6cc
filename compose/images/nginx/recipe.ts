// nginx as the official unprivileged image runs it; a deployment mounts its own /etc/nginx/nginx.conf.

import { textFile, link } from '../tree.ts';
import { ownedFolder, setupTree } from '../recipe.ts';
import type { Recipe } from '../recipe.ts';

const ACCOUNT = { name: 'nginx', id: 101, home: '/tmp' };

const CONFIG = `worker_processes auto;
pid /tmp/nginx.pid;
error_log /dev/stderr notice;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /dev/stdout;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  include /etc/nginx/conf.d/*.conf;
}
`;

const SITE = `server {
  listen 80;
  location / { return 200 "nginx is running, without a configuration of its own\\n"; }
}
`;

export const nginx: Recipe = {
  name: 'nginx',
  versionOf: 'nginx',
  packages: ['nginx', 'nginx-common'],
  keep: ['usr/sbin/nginx', 'etc/nginx/mime.types', 'etc/nginx/*_params'],
  setup: () =>
    new Map([
      ...setupTree(ACCOUNT),
      ['etc/nginx/nginx.conf', textFile(CONFIG)],
      ['etc/nginx/conf.d/default.conf', textFile(SITE)],
      // nginx opens its built-in log path before it reads any configuration.
      ['var/log/nginx/error.log', link('/dev/stderr')],
      ['var/log/nginx/access.log', link('/dev/stdout')],
      ['var/lib/nginx', ownedFolder(ACCOUNT)],
      ['var/cache/nginx', ownedFolder(ACCOUNT)],
    ]),
  run: {
    command: ['nginx', '-g', 'daemon off;'],
    user: '101:101',
    ports: [80, 443],
    stopSignal: 'SIGQUIT',
    health: {
      command: ['/bin/sh', '-c', 'nc -w 2 127.0.0.1 "${NGINX_HEALTH_PORT:-80}" </dev/null'],
      startPeriodMs: 20_000,
    },
  },
};
