import { type Logger as PinoLogger, pino, stdSerializers } from 'pino'

/** The one logger of a process, made in its `main.ts` and handed down; `child()` adds fields. */
export type Logger = PinoLogger

// A second net. The first is that nobody logs an object that could hold one of these.
const secretNames = [
  'authorization',
  'Authorization',
  'cookie',
  'token',
  'secret',
  'password',
  'private',
  'privateKey',
  'private.jwk',
  'private.pem',
  'd',
  'key',
]
const redact = {
  paths: secretNames.flatMap(name => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
  censor: '[redacted]',
}

/** What an error may tell a log: never a body, a header, a cause's payload or an object. */
function summary(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const { code, status } = error as { code?: unknown; status?: unknown }
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    ...(typeof status === 'number' && { status }),
  }
}

/**
 * A logger that writes one JSON object per line to stdout, synchronously: what was logged before a crash is there.
 * Errors under `err` or `error` are cut down to name, message, code and status.
 * @param options.destination where lines go instead of stdout
 */
export function createLog(options: {
  process: string
  level?: string
  destination?: { write(line: string): void }
}): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: { process: options.process },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: summary, error: summary, req: stdSerializers.wrapRequestSerializer(requestSummary) },
    redact,
  }
  return pino(settings, options.destination ?? pino.destination({ dest: 1, sync: true }))
}

// pino's own request serializer would print every header.
function requestSummary(request: { method?: string }): { method: string | undefined } {
  return { method: request.method }
}
