import { meantWord } from '../../core/base/nearest-word.ts'
import { serviceName } from '../../enforce/settings.ts'

/** How a proxy tells what was asked, and which answers it can use. */
export const proxyKinds = ['Envoy', 'Nginx', 'HAProxy', 'Traefik'] as const
export type ProxyKind = (typeof proxyKinds)[number]

/** A proxy that may ask, how it proves itself, and about which services. */
export interface Peer {
  readonly name: string
  readonly proxy: ProxyKind
  /** `namespace/name`, each by its name: there is no "all". */
  readonly services: readonly string[]
  /** DNS names and URIs, one of which its client certificate has. */
  readonly certificateNames: readonly string[]
  /** Headers, in lower case, that it takes off before the app, in every spelling: API keys may stand there. */
  readonly keyHeaders?: readonly string[]
  /** File with the secrets it may send, one a line. */
  readonly secretFile?: string
}

/**
 * Reads the list of peers.
 * @returns the list, or one sentence per mistake
 */
export function readPeers(value: unknown): { peers: Peer[] } | { mistakes: string[] } {
  if (!Array.isArray(value)) return { mistakes: ['peers: expected a list'] }
  const peers = value.map(entry => ({ certificateNames: [], ...(entry as object) }) as unknown as Peer)
  const mistakes = peers.flatMap((peer, at) => mistakesOf(peer).map(mistake => `peers[${at}]${mistake}`))
  if (mistakes.length > 0) return { mistakes }
  const twice = [
    ...doubled(peers.map(peer => peer.name)),
    ...doubled(peers.flatMap(peer => [...new Set(peer.certificateNames)])),
  ].map(name => `peers: ${name} stands for two of them`)
  if (twice.length > 0) return { mistakes: twice }
  return { peers: peers.map(inLowerCase) }
}

function inLowerCase(peer: Peer): Peer {
  const { keyHeaders } = peer
  return keyHeaders ? { ...peer, keyHeaders: keyHeaders.map(name => name.toLowerCase()) } : peer
}

/** Every service that some peer may ask about. */
export function servicesOf(peers: readonly Peer[]): string[] {
  return [...new Set(peers.flatMap(peer => peer.services))].sort()
}

const fields = new Set(['name', 'proxy', 'services', 'certificateNames', 'keyHeaders', 'secretFile'])
/** Of which the tests show, with the proxy itself, that the guide's settings take a header off. Envoy is told by name. */
const takeOff: readonly ProxyKind[] = ['Nginx', 'HAProxy']

function mistakesOf(peer: Peer): string[] {
  const { name, proxy, services, certificateNames, keyHeaders = [], secretFile } = peer
  const provable = secretFile !== undefined || certificateNames.length > 0
  const checks: [boolean, string][] = [
    [
      typeof name === 'string' && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name),
      '.name: expected letters, digits and -',
    ],
    [proxyKinds.includes(proxy), `.proxy: expected one of ${proxyKinds.join(', ')}`],
    [isListOf(services, isService) && services.length > 0, '.services: expected at least one namespace/name'],
    [isListOf(certificateNames, isCertificateName), '.certificateNames: expected DNS names or URIs, without wildcards'],
    [isListOf(keyHeaders, isHeader), '.keyHeaders: expected names of headers'],
    [
      keyHeaders.length === 0 || takeOff.includes(proxy),
      `.keyHeaders: only ${takeOff.join(' and ')} are known to take a header off; ${proxy === 'Envoy' ? 'Envoy is told by itself' : 'behind others use Authorization: Basic'}`,
    ],
    [secretFile === undefined || typeof secretFile === 'string', '.secretFile: expected a path'],
    [provable, ': it needs certificateNames or a secret to prove who it is'],
  ]
  const strange = Object.keys(peer).filter(field => !fields.has(field))
  return [
    ...strange.map(field => `.${field}: there is no such field${meantWord(field, fields)}`),
    ...checks.flatMap(([holds, mistake]) => (holds ? [] : [mistake])),
  ]
}

function isListOf(value: unknown, fits: (text: string) => boolean): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string' && fits(item))
}

const isHeader = (text: string): boolean => /^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$/.test(text)
const isService = (text: string): boolean => serviceName(text) !== undefined
const isCertificateName = (text: string): boolean =>
  /^[a-z][a-z0-9+.-]*:\/\/[^\s,*"]{1,2000}$|^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text)

function doubled(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))]
}
