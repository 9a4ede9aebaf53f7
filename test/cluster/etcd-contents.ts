/** What an etcd holds: the revision of its last change by key, and the value it had then. Keys and values as base64. */
export type EtcdContents = ReadonlyMap<string, { readonly value: string; readonly revision: string }>

type Range = { kvs?: { key: string; value: string; mod_revision: string }[] }
/** As many operations as etcd takes in one transaction. */
const atOnce = 128

/** @param url where etcd serves clients */
export async function readContents(url: string): Promise<EtcdContents> {
  // The zero byte as both ends means every key.
  const { kvs = [] } = (await ask(url, 'range', { key: 'AA==', range_end: 'AA==' })) as Range
  return new Map(kvs.map(({ key, value, mod_revision }) => [key, { value, revision: mod_revision }]))
}

/**
 * Gives every key the value it had, and removes the keys that came since. Whoever watches sees it as changes like any other.
 * @param keep keys that are left alone
 */
export async function restoreContents(url: string, contents: EtcdContents, keep: RegExp): Promise<void> {
  const now = await readContents(url)
  const ours = (key: string) => !keep.test(Buffer.from(key, 'base64').toString())
  const removed = [...now.keys()].filter(key => ours(key) && !contents.has(key))
  const changed = [...contents].filter(([key, { revision }]) => ours(key) && now.get(key)?.revision !== revision)
  const operations = [
    ...removed.map(key => ({ requestDeleteRange: { key } })),
    ...changed.map(([key, { value }]) => ({ requestPut: { key, value } })),
  ]
  for (let done = 0; done < operations.length; done += atOnce)
    await ask(url, 'txn', { success: operations.slice(done, done + atOnce) })
}

async function ask(url: string, what: string, body: object): Promise<unknown> {
  const answer = await fetch(`${url}/v3/kv/${what}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`etcd ${what}: ${answer.status} ${await answer.text()}`)
  return await answer.json()
}
