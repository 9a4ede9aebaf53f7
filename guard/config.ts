import { connectionTable } from '../enforce/connection-settings.ts'
import { onBlockChoices } from '../enforce/report/while-recorded.ts'
import { defaultProblemBase } from '../enforce/respond.ts'
import { type ListenAddress, readListen, readProblemBase, serviceName } from '../enforce/settings.ts'
import { type ConfigOf, choice, duration, type Setting, text, url } from '../platform/config.ts'
import { upstreamProtocols } from './http2/sessions.ts'
import type { Probe } from './probes/probes.ts'
import { readUpstream, upstreamForm } from './upstream/target.ts'

/** The settings of an injected guard. */
export const configTable = {
  service: parsed('LATCHKEY_SERVICE', 'GuardedService to enforce', 'namespace/name', serviceName),
  upstream: parsed(
    'LATCHKEY_UPSTREAM',
    'where the app listens: on loopback, or on a socket',
    upstreamForm,
    readUpstream,
  ),
  upstreamProtocol: choice('LATCHKEY_UPSTREAM_PROTOCOL', upstreamProtocols, {
    default: 'http1',
    description: 'what the app speaks to callers of HTTP/2 and gRPC: HTTP/1.1, or HTTP/2 without TLS',
  }),
  listen: address('LATCHKEY_LISTEN', 'address for callers', 15_080),
  adminListen: address('LATCHKEY_ADMIN_LISTEN', 'address of probes and metrics', 15_081),
  probes: parsed('LATCHKEY_PROBES', "the app's own probes", 'a JSON array of probes', readProbes, []),
  snapshotUrl: url('LATCHKEY_SNAPSHOT_URL', { description: 'where snapshots come from' }),
  caFile: text<string>('LATCHKEY_CA_FILE', { default: '/var/run/latchkey/ca/ca.crt', description: 'CA of the issuer' }),
  tokenFile: text<string>('LATCHKEY_TOKEN_FILE', {
    default: '/var/run/latchkey/token/token',
    description: 'projected token for the issuer',
  }),
  snapshotFile: text<string>('LATCHKEY_SNAPSHOT_FILE', {
    default: '/var/lib/latchkey/snapshot.json',
    description: 'where the last good snapshot is kept',
  }),
  openPorts: parsed('LATCHKEY_OPEN_PORTS', 'ports that may listen beyond loopback', 'port numbers', readPorts, []),
  audit: text<string>('LATCHKEY_AUDIT', { default: '-', description: 'file for audit lines, - for stdout' }),
  ...connectionTable,
  auditOnBlock: choice('LATCHKEY_AUDIT_ON_BLOCK', onBlockChoices, {
    default: 'Count',
    description: 'while audit lines cannot be written: Count lost ones, or Deny calls with 503',
  }),
  auditOtlp: url<string | undefined>('LATCHKEY_AUDIT_OTLP', {
    default: undefined,
    description: 'OTLP/HTTP endpoint that gets decisions as log records besides',
  }),
  otlpEndpoint: url<string | undefined>('OTEL_EXPORTER_OTLP_ENDPOINT', {
    default: undefined,
    description: 'OTLP/HTTP collector that gets decisions as log records, and spans',
  }),
  otlpLogs: choice('OTEL_LOGS_EXPORTER', ['otlp', 'none'], {
    default: 'otlp',
    description: 'none: OTEL_EXPORTER_OTLP_ENDPOINT gets no decisions',
  }),
  problemBase: parsed(
    'LATCHKEY_PROBLEM_BASE',
    'what `type` of a problem body begins with; the code follows',
    'an http or https URL',
    readProblemBase,
    defaultProblemBase,
  ),
  upstreamTimeoutMs: duration('LATCHKEY_UPSTREAM_TIMEOUT', {
    default: 300_000,
    min: 100,
    description: 'how long the app may take to begin its answer',
  }),
  drainGraceMs: duration('LATCHKEY_DRAIN_GRACE', {
    default: 1_000,
    description: 'how long new requests are taken after SIGTERM',
  }),
  drainDeadlineMs: duration('LATCHKEY_DRAIN_DEADLINE', {
    default: 25_000,
    description: 'how long running requests may take after SIGTERM',
  }),
  debug: choice('LATCHKEY_DEBUG', ['off', 'on'], {
    default: 'off',
    description: 'on: counts and heap below /debug of the admin port, to callers on loopback',
  }),
  logLevel: choice('LATCHKEY_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal'], {
    default: 'info',
    description: 'least level that is logged',
  }),
}
export type GuardConfig = ConfigOf<typeof configTable>

/** Where decisions are exported to, if anywhere. */
export function auditOtlpOf(config: Pick<GuardConfig, 'auditOtlp' | 'otlpEndpoint' | 'otlpLogs'>): string | undefined {
  return config.auditOtlp ?? (config.otlpLogs === 'otlp' ? config.otlpEndpoint : undefined)
}

/**
 * The environment without what Kubernetes adds for Services of the same namespace: a Service called `latchkey-issuer`
 * gives every pod beside it a LATCHKEY_ISSUER_PORT, and the settings table would call that a mistake.
 */
export function ownSettings(env: Record<string, string | undefined>): Record<string, string | undefined> {
  const known = new Set(Object.values(configTable).map(({ name }) => name))
  const link = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_[A-Z]+)?)?)$/
  return Object.fromEntries(Object.entries(env).filter(([name]) => known.has(name) || !link.test(name)))
}

function address(name: string, description: string, port: number): Setting<ListenAddress> {
  return {
    ...parsed<ListenAddress>(name, description, 'host:port or :port', readListen, { port }),
    format: ({ host = '', port }) => `${host}:${port}`,
  }
}

function parsed<T>(
  name: string,
  description: string,
  expected: string,
  read: (text: string) => T | undefined,
  fallback?: T,
): Setting<T> {
  return {
    name,
    description,
    ...(fallback !== undefined && { default: { value: fallback } }),
    parse(given) {
      const value = read(given)
      return value === undefined ? { expected } : { value }
    },
  }
}

function readPorts(given: string): number[] | undefined {
  const ports = given.split(',').map(part => Number(part.trim() === '' ? 'none' : part))
  return ports.every(port => Number.isInteger(port) && port > 0 && port <= 65_535) ? ports : undefined
}

function readProbes(given: string): Probe[] | undefined {
  try {
    const value: unknown = JSON.parse(given)
    return Array.isArray(value) && value.every(isProbe) ? value : undefined
  } catch {
    return undefined
  }
}

function isProbe(value: unknown): value is Probe {
  const { container, kind, httpGet, tcpSocket, grpc, timeoutSeconds = 1 } = (value ?? {}) as Partial<Probe>
  const action = httpGet ?? tcpSocket ?? grpc
  return (
    typeof container === 'string' &&
    (kind === 'startup' || kind === 'readiness' || kind === 'liveness') &&
    action !== undefined &&
    (action.port === undefined || Number.isInteger(action.port)) &&
    typeof timeoutSeconds === 'number' &&
    timeoutSeconds > 0
  )
}
