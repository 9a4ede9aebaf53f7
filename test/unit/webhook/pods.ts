import type { InjectionSettings } from '../../../webhook/injection/guard-container.ts'
import { type Injection, injectGuard } from '../../../webhook/injection/inject-guard.ts'
import type { Lead } from '../../../webhook/injection/lead.ts'
import type { Container, Pod, PodSpec } from '../../../webhook/injection/pod.ts'

export const settings: InjectionSettings = {
  image: 'registry.example/latchkey:1.0.0',
  pullPolicy: 'IfNotPresent',
  snapshotUrl: 'https://latchkey-issuer.latchkey-system.svc:8444',
  issuerUrl: 'https://latchkey-issuer.latchkey-system.svc/default',
  resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '192Mi' } },
}

/** A pod with one container `app` that listens on 8080, with the label, and whatever else is given. */
export function podOf(
  given: {
    app?: Partial<Container>
    spec?: Partial<PodSpec>
    annotations?: Record<string, string>
    label?: string
  } = {},
): Pod {
  const app = { name: 'app', image: 'app:1', ports: [{ containerPort: 8080 }], ...given.app }
  return {
    metadata: {
      name: 'orders-1',
      labels: { app: 'orders', 'latchkey.dev/guard': given.label ?? 'orders' },
      ...(given.annotations && { annotations: given.annotations }),
    },
    spec: { containers: [app], ...given.spec },
  }
}

export const inject = (pod: Pod, change: Partial<InjectionSettings> = {}, lead: Lead = 'ToGuard'): Injection =>
  injectGuard(pod, 'shop', { ...settings, ...change }, lead)

export function injected(pod: Pod, change: Partial<InjectionSettings> = {}, lead: Lead = 'ToGuard'): Pod {
  const result = inject(pod, change, lead)
  if ('refused' in result) throw new Error(result.refused)
  return result.pod
}

/** What the guard of an injected pod is told in one of its variables. */
export function told(pod: Pod, name: string): string | undefined {
  return pod.spec.initContainers?.[0]?.env?.find(entry => entry.name === name)?.value
}
