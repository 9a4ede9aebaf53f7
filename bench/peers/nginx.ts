import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../machine/process.ts'
import { type Contestant, type Lines, type Place, startContestant } from './contestant.ts'

/** What an origin answers, by the last segment of the path. */
export const bodies = { '100b': 100, '10kb': 10_240, '1mb': 1_048_576 } as const
export type Body = keyof typeof bodies

/** The app behind every contestant: fixed answers, as fast as they can be had. */
export async function startOrigin(nginx: string, place: { directory: string; core: number }): Promise<Contestant> {
  const root = join(place.directory, 'origin')
  await mkdir(root, { recursive: true })
  for (const [name, size] of Object.entries(bodies)) await writeFile(join(root, name), jsonOf(size))
  const files = Object.keys(bodies)
    .filter(name => name !== '100b')
    .map(name => `location ~ /${name}$ { default_type application/json; rewrite ^ /${name} break; root ${root}; }`)
  const server = (port: number): string[] => [
    `listen 127.0.0.1:${port} reuseport backlog=4096;`,
    'access_log off; open_file_cache max=16; sendfile on; tcp_nopush on;',
    ...files,
    `location / { default_type application/json; return 200 '${jsonOf(bodies['100b'])}'; }`,
  ]
  return startNginxOf(nginx, 'origin', place, port => ['server {', ...server(port), '}'])
}

/** nginx as a proxy that authorizes nothing. */
export function startNginxPlain(nginx: string, place: Place, name: string, lines: Lines): Promise<Contestant> {
  return startNginxOf(nginx, name, place, port => [
    `upstream origin { server 127.0.0.1:${place.originPort}; keepalive 512; keepalive_requests 1000000000; }`,
    'server {',
    ...proxyLines(port, lines),
    'location / { proxy_pass http://origin; }',
    '}',
  ])
}

/** The same by `proxy_pass` alone, as nginx does when nobody tells it more: a connection to the app for each request. */
export function startNginxBare(nginx: string, place: Place, name: string): Promise<Contestant> {
  return startNginxOf(nginx, name, place, port => [
    'server {',
    `listen 127.0.0.1:${port} backlog=4096;`,
    'access_log access.log combined buffer=64k flush=1s;',
    `location / { proxy_pass http://127.0.0.1:${place.originPort}; }`,
    '}',
  ])
}

/** nginx with an http block of its own. */
export async function startNginxOf(
  nginx: string,
  name: string,
  place: { directory: string; core: number },
  http: (port: number) => string[],
): Promise<Contestant> {
  const port = await freePort()
  const prefix = join(place.directory, name)
  await mkdir(prefix, { recursive: true })
  const lines = http(port)
  await writeFile(join(prefix, 'nginx.conf'), configuration(lines))
  const log = lines.some(line => line.includes('access_log access.log')) ? join(prefix, 'access.log') : undefined
  const args = ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', join(prefix, 'error.log')]
  return startContestant({ name, command: nginx, args, core: place.core }, port, log)
}

/** Lines are buffered, as whoever cares for speed configures it. */
function proxyLines(port: number, lines: Lines): string[] {
  return [
    `listen 127.0.0.1:${port} backlog=4096;`,
    lines === 'written' ? 'access_log access.log combined buffer=64k flush=1s;' : 'access_log off;',
    'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;',
  ]
}

function configuration(http: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(what => `${what}_temp_path tmp_${what};`)
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user} daemon off; worker_processes 1; pid nginx.pid; error_log error.log warn;
events { worker_connections 4096; }
http {
  ${temporary.join(' ')}
  keepalive_timeout 300s; keepalive_requests 1000000000; tcp_nodelay on; server_tokens off;
  ${http.join('\n')}
}
`
}

/** A JSON text of exactly so many bytes. */
function jsonOf(size: number): string {
  const frame = '{"data":""}'
  return frame.replace('""', `"${'x'.repeat(size - frame.length)}"`)
}
