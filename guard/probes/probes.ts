import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { AppAddress } from '../upstream/target.ts'

/** A probe of the app as its container declares it, with the port resolved to a number; without one: where the app is. */
export interface Probe {
  readonly container: string
  readonly kind: 'startup' | 'readiness' | 'liveness'
  readonly httpGet?: {
    readonly path?: string
    readonly port?: number
    readonly scheme?: 'HTTP' | 'HTTPS'
    readonly host?: string
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[]
  }
  readonly tcpSocket?: { readonly port?: number; readonly host?: string }
  readonly grpc?: { readonly port?: number; readonly service?: string }
  readonly timeoutSeconds?: number
}

const loopback = '127.0.0.1'

/**
 * Asks the app what the kubelet would have asked, over loopback or its socket, where the kubelet cannot reach it. Policy has no part
 * in it: an app must not be restarted because the issuer is away.
 * @param socket the Unix socket that the app listens on, if it does: probes without a port go there
 * @returns undefined when the probe succeeds, else why not
 */
export async function runProbe(probe: Probe, socket: string | undefined): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1_000
  const action = probe.httpGet ?? probe.tcpSocket ?? probe.grpc
  if (!action) return 'the probe has no action'
  const address = addressOf(action.port, socket)
  if (!address) return 'the probe names no port'
  try {
    if (probe.httpGet) return await httpGet(probe.httpGet, address, timeoutMs)
    if (probe.tcpSocket) return await connects(address, timeoutMs)
    return await (await import('./grpc-probe.ts')).checkGrpc(probe.grpc ?? {}, address, timeoutMs)
  } catch (error) {
    return `the app did not answer: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`
  }
}

function addressOf(port: number | undefined, socket: string | undefined): AppAddress | undefined {
  if (port !== undefined) return { host: loopback, port }
  return socket === undefined ? undefined : { path: socket }
}

async function httpGet(
  probe: NonNullable<Probe['httpGet']>,
  address: AppAddress,
  timeoutMs: number,
): Promise<string | undefined> {
  const { path = '/', scheme = 'HTTP', httpHeaders = [] } = probe
  const headers: Record<string, string[]> = {}
  for (const { name, value } of httpHeaders)
    headers[name.toLowerCase()] = [...(headers[name.toLowerCase()] ?? []), value]
  const named = 'path' in address ? (probe.host ?? 'localhost') : `${probe.host ?? loopback}:${address.port}`
  const host = headers.host?.[0] ?? named
  const send = scheme === 'HTTPS' ? (await import('node:https')).request : httpRequest
  return new Promise((resolve, reject) => {
    const request = send({
      ...('path' in address ? { socketPath: address.path } : address),
      path: path.startsWith('/') ? path : `/${path}`,
      headers: { 'user-agent': 'kube-probe/latchkey', accept: '*/*', ...headers, host },
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      // As the kubelet: a probe asks whether the app is there, not who it is.
      ...(scheme === 'HTTPS' && { rejectUnauthorized: false }),
    })
    request.on('error', reject)
    request.on('response', response => {
      const { statusCode = 0 } = response
      response.destroy()
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `the app answered HTTP ${statusCode}`)
    })
    request.end()
  })
}

function connects(address: AppAddress, timeoutMs: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = connect({ ...address, signal: AbortSignal.timeout(timeoutMs) })
    socket.on('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', error => resolve(`the app takes no connection: ${(error as NodeJS.ErrnoException).code}`))
  })
}
