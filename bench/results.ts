import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Rig } from './rig.ts'

/** Where results are written; git ignores it. */
export const resultsDirectory = join(import.meta.dirname, 'results')

/** One figure, and what it is compared with. */
export interface Entry {
  readonly name: string
  readonly unit: string
  readonly value: number
  /** null: there is none. */
  readonly peer: string | null
  readonly peerValue: number | null
  /** Ours by the peer's. */
  readonly ratio: number | null
  /** Runs or samples that the value is the median of. */
  readonly n: number
  readonly rig: Rig
  /** Present: the load generator was at its limit, the program under test was not. */
  readonly lowerBound?: true
  /** The bench that wrote it: several write into one file. */
  readonly bench: string
}

/** A figure before it is known who measured it. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly value: number
  readonly peer?: { readonly name: string; readonly value: number }
  readonly n: number
  readonly lowerBound?: boolean
}

/** @throws Error when a value is no finite number: a bench that measured nothing has no result */
export function entryOf({ name, unit, value, peer, n, lowerBound }: Figure, bench: string, rig: Rig): Entry {
  const ratio = peer ? value / peer.value : null
  for (const number of [value, peer?.value ?? 0, ratio ?? 0]) {
    if (!Number.isFinite(number)) throw new Error(`${name} is no number`)
  }
  return {
    name,
    unit,
    value: rounded(value),
    peer: peer?.name ?? null,
    peerValue: peer ? rounded(peer.value) : null,
    ratio: ratio === null ? null : rounded(ratio),
    n,
    rig,
    ...(lowerBound && { lowerBound }),
    bench,
  }
}

/** Six digits are more than any run can tell. */
function rounded(value: number): number {
  return Number(value.toPrecision(6))
}

/** What a file holds after a bench ran: its own entries are new, those of other benches stay. */
export function replaceEntries(held: readonly Entry[], bench: string, entries: readonly Entry[]): Entry[] {
  const names = new Set(entries.map(({ name }) => name))
  return [...held.filter(entry => entry.bench !== bench && !names.has(entry.name)), ...entries]
}

/** Writes figures into `<file>.json` and says those that are new there. */
export function writeFigures(file: string, bench: string, rig: Rig, figures: readonly Figure[]): void {
  const entries = figures.map(figure => entryOf(figure, bench, rig))
  const held = readResult<Entry[]>(`${file}.json`) ?? []
  writeResult(`${file}.json`, replaceEntries(held, bench, entries))
  const told = new Set(held.filter(entry => entry.rig.date === rig.date).map(({ name }) => name))
  for (const entry of entries) if (!told.has(entry.name)) process.stdout.write(`${lineOf(entry)}\n`)
}

function lineOf({ name, value, unit, peer, peerValue, ratio, lowerBound }: Entry): string {
  const compared = ratio === null ? '' : `  ${lowerBound ? '≥ ' : ''}${ratio.toPrecision(3)} × ${peer} (${peerValue})`
  return `${name.padEnd(44)} ${value} ${unit}${compared}`
}

export function writeResult(name: string, content: unknown): void {
  mkdirSync(resultsDirectory, { recursive: true })
  writeFileSync(join(resultsDirectory, name), `${JSON.stringify(content, null, 1)}\n`)
}

/** @returns undefined when there is no such file */
export function readResult<T>(name: string, directory: string = resultsDirectory): T | undefined {
  let text: string
  try {
    text = readFileSync(join(directory, name), 'utf8')
  } catch {
    return undefined
  }
  return JSON.parse(text) as T
}
