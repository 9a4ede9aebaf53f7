import { createLog, type Logger } from '../../../platform/log.ts'

/** A real logger, and the lines it wrote. */
export function createQuietLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return { log: createLog({ process: 'test', level: 'debug', destination }), lines }
}
