import type { GuardedService } from '../api/guarded-service.ts'
import { keyOf } from './ids.ts'
import { type Inspection, inspectService, stood } from './inspect-service.ts'
import type { OpenApiSource } from './openapi-document.ts'

/** Remembers what services say by themselves: many events ask again, and few change it. */
export interface Inspector {
  inspect(service: GuardedService, source: OpenApiSource | undefined): Inspection
  forget(key: string): void
}

export function createInspector(): Inspector {
  const known = new Map<string, { id: string; source: OpenApiSource | undefined; result: Inspection }>()
  return {
    inspect(service, source) {
      const key = keyOf(service)
      const id = idOf(service)
      const old = known.get(key)
      if (old?.id === id && old.source === source) return old.result
      const result = inspectService(service, source)
      known.set(key, { id, source, result })
      return result
    },
    forget: key => void known.delete(key),
  }
}

/** The status of a GuardedService changes often; of it only Accepted counts. A changed spec is a new generation. */
function idOf(service: GuardedService): string {
  return `${service.metadata.uid}/${service.metadata.generation}/${stood(service)}`
}
