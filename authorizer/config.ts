import { onBlockChoices } from '../enforce/report/while-recorded.ts'
import { defaultProblemBase } from '../enforce/respond.ts'
import { type ListenAddress, readListen, readProblemBase } from '../enforce/settings.ts'
import { type ConfigOf, choice, duration, type Setting, text, url } from '../platform/config.ts'
import { type Peer, readPeers } from './peers/peers.ts'

/** The settings of an authorizer in a cluster. */
export const configTable = {
  logLevel: choice('LATCHKEY_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal'], {
    default: 'info',
    description: 'least level that is logged',
  }),
  peers: peerList(),
  listen: address('LATCHKEY_LISTEN', 'address for checks over HTTP', 9191),
  grpcListen: address('LATCHKEY_GRPC_LISTEN', 'address for checks over gRPC', 9192),
  healthListen: address('LATCHKEY_HEALTH_LISTEN', 'address of probes and metrics', 8081),
  certificateFile: text<string>('LATCHKEY_CERTIFICATE_FILE', {
    default: '/var/run/latchkey/tls/tls.crt',
    description: 'certificate that proxies see',
  }),
  keyFile: text<string>('LATCHKEY_KEY_FILE', { default: '/var/run/latchkey/tls/tls.key', description: 'its key' }),
  peerCaFile: text<string | undefined>('LATCHKEY_PEER_CA_FILE', {
    default: undefined,
    description: "authorities of the proxies' certificates; without it no certificate counts",
  }),
  snapshotUrl: url('LATCHKEY_SNAPSHOT_URL', { description: 'where snapshots come from' }),
  caFile: text<string>('LATCHKEY_CA_FILE', { default: '/var/run/latchkey/ca/ca.crt', description: 'CA of the issuer' }),
  tokenFile: text<string>('LATCHKEY_TOKEN_FILE', {
    default: '/var/run/latchkey/token/token',
    description: 'projected token for the issuer',
  }),
  snapshotFolder: text<string>('LATCHKEY_SNAPSHOT_FOLDER', {
    default: '/var/lib/latchkey',
    description: 'where the last good snapshots are kept',
  }),
  audit: text<string>('LATCHKEY_AUDIT', { default: '-', description: 'file for audit lines, - for stdout' }),
  auditOnBlock: choice('LATCHKEY_AUDIT_ON_BLOCK', onBlockChoices, {
    default: 'Count',
    description: 'while audit lines cannot be written: Count lost ones, or Deny calls with 503',
  }),
  problemBase: problemBase(),
  drainGraceMs: duration('LATCHKEY_DRAIN_GRACE', {
    default: 5_000,
    description: 'how long new checks are taken after SIGTERM',
  }),
  drainDeadlineMs: duration('LATCHKEY_DRAIN_DEADLINE', {
    default: 10_000,
    description: 'how long running checks may take after that',
  }),
}
export type AuthorizerConfig = ConfigOf<typeof configTable>

function address(name: string, description: string, port: number): Setting<ListenAddress> {
  return {
    name,
    description,
    default: { value: { port } },
    format: ({ host = '', port }) => `${host}:${port}`,
    parse(given) {
      const value = readListen(given)
      return value ? { value } : { expected: 'host:port or :port' }
    },
  }
}

function problemBase(): Setting<string> {
  return {
    name: 'LATCHKEY_PROBLEM_BASE',
    description: 'what `type` of a problem body begins with; the code follows',
    default: { value: defaultProblemBase },
    parse(given) {
      const value = readProblemBase(given)
      return value === undefined ? { expected: 'an http or https URL' } : { value }
    },
  }
}

function peerList(): Setting<readonly Peer[]> {
  return {
    name: 'LATCHKEY_PEERS',
    description: 'proxies that may ask, as a JSON list; none: every check is denied',
    default: { value: [] },
    parse(given) {
      try {
        const read = readPeers(JSON.parse(given))
        return 'peers' in read ? { value: read.peers } : { expected: `a list of peers: ${read.mistakes.join('; ')}` }
      } catch {
        return { expected: 'a JSON list of peers' }
      }
    },
  }
}
