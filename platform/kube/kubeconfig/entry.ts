import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

/** A cluster, user or context of a kubeconfig. */
export interface Entry {
  readonly name: string
  /** Of the file it stands in: paths are relative to it. */
  readonly folder: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** @returns undefined when it says nothing. @throws Error when it is no text: 0123 would become 123 */
export function textOf({ name, fields }: Entry, field: string): string | undefined {
  const value = fields[field]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Error(`${field} of ${name} is no text: put it in quotes`)
  return value
}

/** What stands in `<field>-data`, else in the file that `<field>` names. @throws Error without what is in it */
export async function bytesOf(entry: Entry, field: string): Promise<Buffer | undefined> {
  const data = textOf(entry, `${field}-data`)
  if (data !== undefined) return Buffer.from(data, 'base64')
  const file = textOf(entry, field)
  return file === undefined ? undefined : readFile(resolve(entry.folder, file))
}
