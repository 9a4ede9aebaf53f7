import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Compiled, CompileOrder } from './compile-manifests.ts'

/**
 * Compiles in a process of its own, which ends with the work: a YAML parser and the schemas would stay in the guard's
 * memory, 10 MB that it has no use for until the files change.
 * @throws Error when it fails, or a file cannot be read
 */
export function compileApart(order: CompileOrder): Promise<Compiled> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [compiler(), JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const rows = textOf(child.stdout)
    const complaint = textOf(child.stderr)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(rows()) as Compiled)
      else reject(new Error(complaint().trim() || `the manifests could not be compiled: ${signal ?? code}`))
    })
  })
}

/** Beside the bundle that this is a part of; in a checkout its source. */
function compiler(): string {
  const bundle = fileURLToPath(new URL('../manifests.mjs', import.meta.url))
  return existsSync(bundle) ? bundle : fileURLToPath(new URL('./main.ts', import.meta.url))
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  const pieces: string[] = []
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => pieces.push(piece))
  return () => pieces.join('')
}
