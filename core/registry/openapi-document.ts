import type { GuardedService } from '../api/guarded-service.ts'
import type { ConfigMapObject } from './kubernetes.ts'

/** The document a GuardedService names: parsed, or why there is none. */
export type OpenApiSource =
  | { readonly document: unknown }
  | { readonly notFound: string }
  | { readonly unreadable: string }

const longestBytes = 2 * 1024 * 1024

/**
 * Takes the document out of its ConfigMap.
 * @param configMap as read now; undefined when there is none
 * @param parse reads YAML (JSON is YAML) with bounds on aliases; may throw
 */
export function readOpenApi(
  service: GuardedService,
  configMap: ConfigMapObject | undefined,
  parse: (text: string) => unknown,
): OpenApiSource {
  const { name, key = 'openapi.yaml' } = service.spec.openapi?.configMapRef ?? { name: '' }
  if (!configMap) {
    return { notFound: `There is no ConfigMap ${name} in namespace ${service.metadata.namespace}. Create it.` }
  }
  const text = configMap.data?.[key]
  if (text === undefined) return { notFound: `The ConfigMap ${name} has no key ${key}. Add it.` }
  if (Buffer.byteLength(text) > longestBytes) return { unreadable: 'The document is longer than 2 MiB. Split it.' }
  try {
    return { document: parse(text) }
  } catch {
    // The parser's message would quote the document.
    return { unreadable: `The key ${key} of ConfigMap ${name} is neither YAML nor JSON. Correct it.` }
  }
}
