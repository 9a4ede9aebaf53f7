import { describe, expect, it } from 'vitest'
import type { GuardedService } from '../../../core/api/guarded-service.ts'
import { type KubeClient, KubeError, type KubeObject } from '../../../platform/kube/client.ts'
import { createAudienceTaken } from '../../../webhook/admission/checks/audience-taken.ts'

const audience = 'https://api.example.org'
type Service = GuardedService & KubeObject
const service = (namespace: string, more: Partial<Service> = {}): Service => ({
  metadata: { name: 'api', namespace, generation: 3 },
  spec: { targetRef: { name: 'api', port: 80 }, audience },
  ...more,
})

/** Whether `shop` is told that the audience is taken where these pages of services are. */
function ask(pages: (Service[] | Error)[], labels: Record<string, Record<string, string>> = {}) {
  const asked: (string | undefined)[] = []
  const scan = async <K>(
    _resource: unknown,
    keep: (service: Service) => K | undefined,
    options: { fieldSelector?: string; continue?: string },
  ) => {
    asked.push(options.fieldSelector)
    const at = Number(options.continue ?? 0)
    const items = pages[at] ?? []
    if (items instanceof Error) throw items
    // The API server leaves out what the selector does.
    const kept = items.filter(({ metadata }) => metadata.namespace !== 'shop').map(keep)
    return { kept: kept.filter(one => one !== undefined), ...(at + 1 < pages.length && { continue: String(at + 1) }) }
  }
  const get = async (_resource: unknown, _namespace: unknown, name: string) =>
    name === 'gone' ? undefined : { metadata: { name, labels: labels[name] ?? {} } }
  const taken = createAudienceTaken({ scan, get } as unknown as Pick<KubeClient, 'get' | 'scan'>, 'default')
  return taken({ audience, namespace: 'shop' }).then(answer => ({ answer, asked }))
}

describe('an audience', () => {
  const refused = { refusedAudience: audience, observedGeneration: 3 }
  it.each<[string, boolean, Service[][], Record<string, Record<string, string>>]>([
    ['nobody asks for', false, [[]], {}],
    ['another namespace asks for', true, [[service('other')]], {}],
    ['another namespace asks for, on a later page', true, [[service('shop')], [service('other')]], {}],
    ['the same namespace asks for', false, [[service('shop')]], {}],
    ['another installation has', false, [[service('blue')]], { blue: { 'latchkey.dev/installation': 'blue' } }],
    ['somebody was refused', false, [[service('other', { status: refused })]], {}],
    [
      'somebody was refused at a generation before',
      true,
      [[service('other', { status: { ...refused, observedGeneration: 2 } })]],
      {},
    ],
    [
      'one has that is going',
      false,
      [
        [
          service('other', {
            metadata: { name: 'api', namespace: 'other', deletionTimestamp: '2026-11-30T10:00:00Z' },
          }),
        ],
      ],
      {},
    ],
    ['one has whose namespace is gone', false, [[service('gone')]], {}],
  ])('that %s: taken %s', async (_what, answer, pages, labels) => {
    const asked = pages.map(() => `spec.audience=${audience},metadata.namespace!=shop`)
    expect(await ask(pages, labels)).toEqual({ answer, asked })
  })

  it('is given to nobody while the API server does not say who has it', async () => {
    await expect(ask([new KubeError('guardedservices GET', 500, 'InternalError')])).rejects.toThrow(KubeError)
  })
})
