import { setTimeout as wait } from 'node:timers/promises'
import { readArguments } from './arguments.ts'
import { call, callerFetch } from './call.ts'

// Prints one JSON object per call. Stopped by SIGTERM; in a pod this is process 1, which no signal ends by itself.
process.once('SIGTERM', () => process.exit(0))

try {
  const args = readArguments(process.argv.slice(2))
  const fetch = callerFetch(args)
  do {
    try {
      console.log(JSON.stringify(await call(fetch, args)))
    } catch (error) {
      if (args.everyMs === undefined) throw error
      console.log(JSON.stringify(failure(error)))
    }
    if (args.everyMs !== undefined) await wait(args.everyMs)
  } while (args.everyMs !== undefined)
} catch (error) {
  console.log(JSON.stringify(failure(error)))
  process.exitCode = 1
}

/** `fetch failed` says nothing; its cause does. */
function failure(error: unknown): object {
  const { code, message } = (error instanceof Error && error.cause ? error.cause : error) as {
    code?: string
    message: string
  }
  return { error: code ?? 'failed', message }
}
