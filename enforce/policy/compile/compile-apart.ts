import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createElementReader } from '../../../platform/json-elements.ts'
import type { Compiled, CompileOrder } from './compile-manifests.ts'

/**
 * Compiles in a process of its own, which ends with the work: a YAML parser and the schemas would stay in the guard's
 * memory, 10 MB that it has no use for until the files change.
 * @throws Error when it fails, or a file cannot be read
 */
export function compileApart(order: CompileOrder): Promise<Compiled> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [compiler(), JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const compiled = resultOf(child.stdout)
    const complaint = textOf(child.stderr)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const result = compiled()
      if (code === 0 && result) resolve(result)
      else reject(new Error(complaint().trim() || `the manifests could not be compiled: ${signal ?? code}`))
    })
  })
}

/** Beside the bundle that this is a part of; in a checkout its source. */
function compiler(): string {
  const bundle = fileURLToPath(new URL('../manifests.mjs', import.meta.url))
  return existsSync(bundle) ? bundle : fileURLToPath(new URL('./main.ts', import.meta.url))
}

/** Lists of the object itself. */
const listsDepth = 2

/** Read as it comes, row by row: calls do not wait for a parser that reads all of it in one go. */
function resultOf(stream: NodeJS.ReadableStream): () => Compiled | undefined {
  const elements = createElementReader(listsDepth)
  let result: Compiled | undefined
  let isOver = false
  stream.on('data', (bytes: Buffer) => {
    if (isOver) return
    try {
      isOver = elements.read(bytes, 0) !== undefined
      if (isOver) result = compiledOf(elements.take().lists)
    } catch {
      // Whoever waits is told when the process has ended.
      isOver = true
    }
  })
  return () => result
}

function compiledOf([rows, problems, mistakes]: readonly (readonly unknown[])[]): Compiled {
  return { rows, problems, mistakes } as Compiled
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  const pieces: string[] = []
  stream.setEncoding('utf8')
  stream.on('data', (piece: string) => pieces.push(piece))
  return () => pieces.join('')
}
