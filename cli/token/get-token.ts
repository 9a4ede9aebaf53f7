import { readFile } from 'node:fs/promises'
import { defaultAudience } from '../../core/base/ids.ts'
import { parseCompact } from '../../core/credential/compact.ts'
import { AccessError } from '../../sdk/access-error.ts'
import { sessionProvider } from '../../sdk/session-provider.ts'
import { type TokenProvider, tokenProvider } from '../../sdk/token-provider.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import { CommandError, type Outcome } from '../frame/exit-codes.ts'
import { columns, formatted, printable } from '../frame/output.ts'
import type { tokenExchange, tokenMint } from './entry.ts'
import { memberLines } from './render.ts'

/** @throws Error with a sentence for people, which holds no key and no token */
export async function mint({ options }: Given<typeof tokenMint.options>, io: CommandIo): Promise<Outcome> {
  const { directory, lifetime } = options
  const audience = audienceOf(options)
  const source = { env: io.env, ...(directory !== undefined && { directory }) }
  return show(await tokenFrom(tokenProvider({ ...source, lifetimeSeconds: lifetime }), audience), options.output, io)
}

/** @throws CommandError `unreachable` or `refused` by the issuer, `usage` for what cannot be read */
export async function exchangeToken({ options }: Given<typeof tokenExchange.options>, io: CommandIo): Promise<Outcome> {
  const { directory, scope, ca } = options
  const audience = audienceOf(options)
  const source = { env: io.env, ...(directory !== undefined && { directory }) }
  const provider = sessionProvider({
    ...source,
    ...(scope !== undefined && { scope }),
    ...(ca !== undefined && { ca: await readAuthorities(ca) }),
  })
  return show(await tokenFrom(provider, audience), options.output, io)
}

function audienceOf({
  audience,
  service,
}: {
  readonly audience?: string | undefined
  readonly service?: string | undefined
}) {
  if (service !== undefined) {
    const [namespace = '', name = ''] = service.split('/')
    return defaultAudience(namespace, name)
  }
  if (audience) return audience
  throw new CommandError('usage', 'name the service the token is for: --service namespace/name, or --audience')
}

async function readAuthorities(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read: ${error.code ?? 'it is no file'}`)
  })
}

const exits = {
  token_unavailable: 'unreachable',
  client_refused: 'refused',
  token_refused: 'refused',
  not_subscribed: 'refused',
} as const

async function tokenFrom(provider: TokenProvider, audience: string): Promise<string> {
  try {
    return await provider.token(audience)
  } catch (error) {
    if (!(error instanceof AccessError)) throw error
    const { code, message } = error
    throw new CommandError(Object.hasOwn(exits, code) ? exits[code as keyof typeof exits] : 'usage', message)
  } finally {
    provider.close()
  }
}

async function show(token: string, output: 'text' | 'json' | 'raw', io: CommandIo): Promise<Outcome> {
  if (output === 'raw') io.write(`${token}\n`)
  else {
    const { header, payload: claims } = parseCompact(token) ?? { header: {}, payload: {} }
    const lines = [...memberLines(header), ...memberLines(claims, Math.floor(io.nowMs / 1_000))]
    const text = () => columns(lines.map(([name, value]) => [name, printable(value)]))
    io.write(await formatted(output, { token, header, claims }, text))
  }
  return 'ok'
}
