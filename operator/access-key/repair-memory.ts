import type { AccessKey } from '../../core/api/access-key.ts'
import { afterRepair, type RepairOf, type Repairs } from '../../core/keys/repairs.ts'

/** Which AccessKeys' Secrets were put right lately. It is lost with the process: then each is put right at once again. */
export interface RepairMemory {
  of(accessKey: AccessKey): Repairs | undefined
  /** @param now seconds since epoch */
  made(accessKey: AccessKey, repair: RepairOf, now: number): void
  /** The AccessKey `namespace/name` is gone. */
  forget(key: string): void
}

/** One entry for each AccessKey that there is at most. */
export function createRepairMemory(): RepairMemory {
  const known = new Map<string, { readonly uid: string | undefined; readonly repairs: Repairs }>()

  function of({ metadata }: AccessKey): Repairs | undefined {
    const found = known.get(nameOf(metadata))
    return found?.uid === metadata.uid ? found?.repairs : undefined
  }

  return {
    of,
    made(accessKey, { kind, what }, now) {
      const before = of(accessKey)
      const { keyId, keys = [] } = accessKey.status ?? {}
      const about = { what, held: keyId, isFirst: keyId === undefined && keys.length === 0 }
      const repair = afterRepair(before?.[kind], about, now)
      known.set(nameOf(accessKey.metadata), { uid: accessKey.metadata.uid, repairs: { ...before, [kind]: repair } })
    },
    forget: key => void known.delete(key),
  }
}

function nameOf({ namespace, name }: AccessKey['metadata']): string {
  return `${namespace}/${name}`
}
