import type { GuardedService } from '../api/guarded-service.ts'
import type { ConfigMapObject } from './kubernetes.ts'

/** The document a GuardedService names: parsed, or why there is none. */
export type OpenApiSource =
  | { readonly document: unknown }
  | { readonly notFound: string }
  | { readonly unreadable: string }

/** What a reader makes of a text: its value, or where it is wrong, without anything of the text. */
export type ReadText = (text: string) => { readonly value: unknown } | { readonly fault: string }

/**
 * Takes the document out of its ConfigMap.
 * @param configMap as read now; undefined when there is none
 * @param read the one reader of YAML and JSON, with bounds on their sizes
 */
export function readOpenApi(
  service: GuardedService,
  configMap: ConfigMapObject | undefined,
  read: ReadText,
): OpenApiSource {
  const { name, key = 'openapi.yaml' } = service.spec.openapi?.configMapRef ?? { name: '' }
  if (!configMap) {
    return { notFound: `There is no ConfigMap ${name} in namespace ${service.metadata.namespace}. Create it.` }
  }
  const text = configMap.data?.[key]
  if (text === undefined) return { notFound: `The ConfigMap ${name} has no key ${key}. Add it.` }
  const found = read(text)
  return 'value' in found
    ? { document: found.value }
    : { unreadable: `The key ${key} of ConfigMap ${name} cannot be read: ${found.fault}.` }
}
