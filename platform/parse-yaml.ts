import { runInNewContext } from 'node:vm'
import { parse } from 'yaml'

const longestMs = 1_000

/**
 * Reads YAML, or JSON, that a tenant wrote. A kilobyte of nested braces or of question marks keeps the parser busy for
 * minutes, and with it everybody: it is stopped after a second. Aliases are bounded, for a few lines can otherwise grow
 * to gigabytes.
 * @throws Error without anything of the text: too long to read, or not YAML
 */
export function parseYaml(text: string): unknown {
  // Its time limit is the point; the parser runs as it always does.
  const run = (read: () => unknown): unknown => runInNewContext('read()', { read }, { timeout: longestMs })
  try {
    if (/^\s*[{[]/.test(text)) return JSON.parse(text)
    return run(() => parse(text, { maxAliasCount: 100, logLevel: 'error', prettyErrors: false }))
  } catch (error) {
    const isTimeout = (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
    throw new Error(isTimeout ? `the text takes longer than ${longestMs} ms to read` : 'the text is not YAML')
  }
}
