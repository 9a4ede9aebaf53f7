import type { IncomingMessage } from 'node:http'
import { isRecord } from '../../core/base/is-record.ts'
import { readJsonObject } from '../../core/credential/json-object.ts'
import type { Endpoint } from '../../core/matching/route-table.ts'
import { readWanted } from '../../core/policy/wanted-permission.ts'

/** Bytes of a whole request; a hundred usual tokens with their paths fit. */
export const maxCheckBytes = 131_072
export const maxChecks = 100

/** What a caller showed, and what it wants to do. */
export interface Check {
  /** The Authorization field as it came. */
  readonly authorization?: string
  /** What stood where `spec.apiKey` of the service says. */
  readonly apiKey?: string
  readonly method: string
  /** The target as it came, with its query. */
  readonly path: string
  /** A permission, asked about in place of method and path. */
  readonly wanted?: Endpoint
}

export interface Checks {
  readonly namespace: string
  readonly name: string
  readonly checks: readonly Check[]
}

/** Why nothing was decided. Nothing of the request is in it: it holds credentials. */
export interface CheckFault {
  readonly status: 400 | 413 | 415
  readonly detail: string
}

const serviceForm = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/
const tooLong: CheckFault = {
  status: 413,
  detail: `The body has more than ${maxCheckBytes} bytes: send fewer checks at once`,
}

/** What its head says is wrong with a request, before anything of its body is read. */
export function headFault({ headers }: IncomingMessage): CheckFault | undefined {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;\s*/)
  if (type.trim() !== 'application/json' || !parameters.every(one => /^charset="?utf-8"?$/.test(one)))
    return { status: 415, detail: 'The body must be application/json in UTF-8' }
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') return { status: 415, detail: 'The body must not be compressed' }
  return Number(headers['content-length'] ?? 0) > maxCheckBytes ? tooLong : undefined
}

/** Reads the body. Strict: a member that is unknown, or there twice, is a mistake that nobody would notice. */
export async function readChecks(request: IncomingMessage): Promise<Checks | CheckFault> {
  const bytes = await readBytes(request)
  if (!bytes) return tooLong
  const body = readJsonObject(bytes)
  if (!body) return malformed('The body must be one JSON object, with no member twice')
  const { service, checks, ...others } = body
  const [, namespace, name] = (typeof service === 'string' && serviceForm.exec(service)) || []
  if (namespace === undefined || name === undefined)
    return malformed('service must be namespace/name of a GuardedService')
  if (Object.keys(others).length > 0) return malformed('The body has members beside service and checks')
  if (!Array.isArray(checks) || checks.length === 0 || checks.length > maxChecks)
    return malformed(`checks must be a list of 1 to ${maxChecks}`)
  const read: Check[] = []
  for (const [at, one] of checks.entries()) {
    const check = readCheck(one)
    if (typeof check === 'string') return malformed(`checks[${at}]: ${check}`)
    read.push(check)
  }
  return { namespace, name, checks: read }
}

/** @returns a sentence that says what is wrong */
function readCheck(value: unknown): Check | string {
  if (!isRecord(value)) return 'it must be an object'
  const { authorization, apiKey, method, path, permission, ...others } = value
  if (Object.keys(others).length > 0) return 'it has members beside authorization, apiKey, method, path and permission'
  if (authorization !== undefined && typeof authorization !== 'string') return 'authorization must be a string'
  if (apiKey !== undefined && typeof apiKey !== 'string') return 'apiKey must be a string'
  const wants = readWants({ method, path, permission })
  if (typeof wants === 'string') return wants
  return { ...wants, ...(authorization !== undefined && { authorization }), ...(apiKey !== undefined && { apiKey }) }
}

function readWants({
  method,
  path,
  permission,
}: Record<'method' | 'path' | 'permission', unknown>): Pick<Check, 'method' | 'path' | 'wanted'> | string {
  if (permission === undefined) {
    if (typeof method === 'string' && method !== '' && typeof path === 'string') return { method, path }
    return 'it must have method and path, or permission'
  }
  if (method !== undefined || path !== undefined) return 'it has both a path and a permission: ask about one'
  if (!isRecord(permission)) return 'permission must be an object'
  const { action, resource, ...others } = permission
  if (typeof action !== 'string' || typeof resource !== 'string' || Object.keys(others).length > 0)
    return 'permission must have action and resource, and nothing else'
  const wanted = readWanted(action, resource)
  if (!wanted) return 'resource must be segments in normal form between slashes, 512 characters at most'
  return { method: 'GET', path: '/', wanted }
}

function malformed(detail: string): CheckFault {
  return { status: 400, detail }
}

/** @returns undefined when there are too many; the rest is not read */
async function readBytes(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxCheckBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
