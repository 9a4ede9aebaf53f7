import { parseArgs } from 'node:util'

/** What one run of the caller does. */
export interface CallerArguments {
  readonly method: string
  readonly url: string
  /** JSON text. */
  readonly body?: string
  /** Directory of the Secret to call with; the SDK's default when absent. */
  readonly key?: string
  /** Another audience than the one that follows from the URL. */
  readonly audience?: string
  readonly withToken: boolean
  /** Calls again after so many milliseconds, until it is stopped. */
  readonly everyMs?: number
}

export const usage =
  'usage: caller.mjs [--key DIRECTORY] [--audience AUDIENCE] [--no-token] [--every MILLISECONDS] METHOD URL [BODY]'

/** @throws Error with the usage */
export function readArguments(args: readonly string[]): CallerArguments {
  const { values, positionals } = parse(args)
  const [method, url, body, ...others] = positionals
  const everyMs = values.every === undefined ? undefined : Number(values.every)
  if (method === undefined || url === undefined || !URL.canParse(url) || others.length > 0) throw new Error(usage)
  if (everyMs !== undefined && !(everyMs >= 100)) throw new Error(usage)
  return {
    method,
    url,
    withToken: !values['no-token'],
    ...(body !== undefined && { body }),
    ...(values.key !== undefined && { key: values.key }),
    ...(values.audience !== undefined && { audience: values.audience }),
    ...(everyMs !== undefined && { everyMs }),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        audience: { type: 'string' },
        every: { type: 'string' },
        'no-token': { type: 'boolean', default: false },
      },
    })
  } catch {
    throw new Error(usage)
  }
}
