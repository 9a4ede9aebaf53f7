import { expect, test } from 'vitest'
import { clusterEntry, type KeyEntry, keyObjectOf, mostImported } from '../../../../core/snapshot/client-entry.ts'
import { clusterRow, es256Key, type KeyPair, mainKey } from '../fixture.ts'

/** An entry that counts how often its key is read. */
function counted(publicKey: KeyPair['publicKey']) {
  let reads = 0
  const row = {
    get publicKey() {
      reads++
      return publicKey
    },
  }
  const entry: KeyEntry<typeof row> = { row, imported: undefined }
  return { entry, reads: () => reads }
}

test('a key is imported when it is first asked for, and once', () => {
  const { entry, reads } = counted(mainKey.publicKey)
  expect(reads()).toBe(0)
  const first = keyObjectOf(entry, 'Ed25519')
  expect(first?.export({ format: 'jwk' })).toEqual(mainKey.publicKey)
  expect(keyObjectOf(entry, 'Ed25519')).toBe(first)
  expect(reads()).toBe(1)
})

test('no more keys stay imported than so many, whatever the number of callers; one that was let go is imported again', () => {
  const row = { publicKey: mainKey.publicKey }
  const entries = Array.from({ length: mostImported + 100 }, (): KeyEntry<typeof row> => ({ row, imported: undefined }))
  for (const entry of entries) expect(keyObjectOf(entry, 'Ed25519')).toBeDefined()
  const kept = () => entries.filter(({ imported }) => imported).length
  expect(kept()).toBe(mostImported)
  const [first] = entries
  expect(first?.imported).toBeUndefined()
  expect(first && keyObjectOf(first, 'Ed25519')?.export({ format: 'jwk' })).toEqual(mainKey.publicKey)
  expect(kept()).toBe(mostImported)
})

test('a key that may not be used is none, however often it is asked for, and is looked at once', () => {
  const { entry, reads } = counted({ ...mainKey.publicKey, x: 'AQ' } as KeyPair['publicKey'])
  expect([keyObjectOf(entry, 'Ed25519'), keyObjectOf(entry, 'Ed25519')]).toEqual([undefined, undefined])
  expect(reads()).toBe(1)
})

test('the keys of the cluster are those of its row', () => {
  const row = clusterRow(es256Key)
  const { issuer, keys } = clusterEntry(row)
  expect(issuer).toBe(row.issuer)
  expect(keys.map(({ row: { kid } }) => kid)).toEqual([es256Key.kid])
  const [key] = keys.map(entry => keyObjectOf(entry, 'ES256'))
  expect(key?.export({ format: 'jwk' })).toEqual(es256Key.publicKey)
})
