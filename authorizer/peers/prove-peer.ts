import { hash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Peer } from './peers.ts'

/** What a connection and a request say about who asks. */
export interface PeerProof {
  readonly socket: Socket
  /** Every value of the header `Latchkey-Peer-Secret`. */
  readonly secrets: readonly string[]
}

/** Finds out which listed proxy asks. */
export interface PeerBook {
  /** @returns the one peer that certificate and secret prove, or undefined */
  find(proof: PeerProof): Peer | undefined
  /** The secrets of a peer, as its file holds them now. */
  setSecrets(peer: string, secrets: readonly string[]): void
}

export const secretHeader = 'latchkey-peer-secret'
/** A shorter secret could be guessed. */
const shortestSecret = 32

interface Certified {
  readonly peers: readonly Peer[]
  /** Milliseconds since epoch. */
  readonly notAfter: number
}

/** @param now milliseconds since epoch */
export function createPeerBook(peers: readonly Peer[], now: () => number): PeerBook {
  const digests = new Map<string, readonly Buffer[]>()
  const certified = new WeakMap<Socket, Certified>()
  /** What each connection proved itself by last: proxies send the same with every check. */
  const shown = new WeakMap<Socket, { secret: string; peers: readonly Peer[]; since: number }>()
  let changes = 0

  function byCertificate(socket: Socket): readonly Peer[] {
    if (!(socket instanceof TLSSocket) || !socket.authorized) return []
    const known = certified.get(socket) ?? readCertificate(socket, peers)
    certified.set(socket, known)
    // The handshake proved it for that moment; connections of proxies live longer than certificates.
    return now() < known.notAfter ? known.peers : []
  }

  function bySecret(socket: Socket, [secret, second]: readonly string[]): readonly Peer[] {
    if (secret === undefined || second !== undefined) return []
    const last = shown.get(socket)
    if (last?.secret === secret && last.since === changes) return last.peers
    const digest = hash('sha256', secret, 'buffer')
    const found = peers.filter(peer => (digests.get(peer.name) ?? []).some(known => timingSafeEqual(known, digest)))
    // Of one that is right only: whoever has it learns nothing from how long it takes to compare another with it.
    if (found.length > 0) shown.set(socket, { secret, peers: found, since: changes })
    return found
  }

  return {
    find({ socket, secrets }) {
      const bySecrets = bySecret(socket, secrets)
      const byNames = byCertificate(socket)
      const [first, ...others] = byNames.length === 0 ? bySecrets : new Set([...byNames, ...bySecrets])
      return others.length === 0 ? first : undefined
    },
    setSecrets(peer, secrets) {
      changes++
      digests.set(
        peer,
        secrets.map(secret => hash('sha256', secret, 'buffer')),
      )
    },
  }
}

/**
 * The secrets in a file, one a line: two of them let a proxy change over without an outage.
 * @throws Error when one is too short or has characters that a header cannot carry; it is not repeated
 */
export function readSecrets(content: string): string[] {
  const secrets = content
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  const fits = secrets.length > 0 && secrets.every(secret => secret.length >= shortestSecret && /^[!-~]+$/.test(secret))
  if (!fits) throw new Error(`a secret needs at least ${shortestSecret} printable characters without spaces`)
  return secrets
}

function readCertificate(socket: TLSSocket, peers: readonly Peer[]): Certified {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return { peers: [], notAfter: 0 }
  const names = alternativeNames(certificate.subjectAltName ?? '')
  return {
    peers: peers.filter(peer => peer.certificateNames.some(name => names.has(name))),
    notAfter: certificate.validToDate.getTime(),
  }
}

/** DNS names and URIs. Node quotes a name that could pass for another one; such a name is nobody's. */
function alternativeNames(text: string): Set<string> {
  const entries = text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)
  return new Set(
    [...entries].flatMap(([, type, name = '']) => {
      if (name.startsWith('"')) return []
      if (type === 'DNS') return [name.toLowerCase()]
      return type === 'URI' ? [name] : []
    }),
  )
}
