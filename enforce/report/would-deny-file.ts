import { readFile, rename, writeFile } from 'node:fs/promises'

/**
 * The number of calls that audit mode let through, beside the stored snapshot on the pod's disk: whoever looks at
 * WOULD-DENY before turning Enforce on must not read 0 because a guard was restarted.
 */
export interface WouldDenyFile {
  /** What an earlier run of this guard counted. */
  readonly earlier: number
  /** Notes the count of all runs; cheap where it did not change. */
  save(count: number): Promise<void>
}

/** A count that cannot be read or written is one that begins at 0: it is for people, nothing is decided by it. */
export async function openWouldDenyFile(snapshotFile: string, service: string): Promise<WouldDenyFile> {
  const path = `${snapshotFile}.would-deny`
  const earlier = await readCount(path, service)
  let written = earlier
  let writing = Promise.resolve()
  return {
    earlier,
    save(count) {
      if (count === written) return writing
      written = count
      writing = writing.then(() => replace(path, JSON.stringify({ service, count }))).catch(() => {})
      return writing
    },
  }
}

async function readCount(path: string, service: string): Promise<number> {
  try {
    const stored = JSON.parse(await readFile(path, 'utf8')) as { service?: unknown; count?: unknown } | null
    const { count } = stored ?? {}
    return stored?.service === service && Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : 0
  } catch {
    return 0
  }
}

async function replace(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
