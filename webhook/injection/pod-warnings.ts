import { guardContainerName } from '../../core/api/guarded-pod.ts'
import type { Container, Pod } from './pod.ts'

const loopback = ['127.0.0.1', '::1', 'localhost']

/** What a person should know about a pod that can be guarded, but perhaps not as they think. */
export function podWarnings({ spec }: Pod): readonly string[] {
  const warnings = spec.containers.flatMap(containerWarnings)
  if (spec.shareProcessNamespace) {
    warnings.push(
      'shareProcessNamespace lets the containers of this pod see the processes of the guard, and one of the same user id or root read its files; give them another runAsUser than 65532',
    )
  }
  return warnings
}

function containerWarnings(container: Container): string[] {
  if (container.name === guardContainerName) return []
  const warnings: string[] = []
  const host = container.env?.find(({ name }) => name === 'HOST')?.value
  if (host !== undefined && !loopback.includes(host)) {
    warnings.push(
      `container ${container.name}: HOST is not loopback; an app that listens beyond it keeps the pod not ready while directAccess is Refuse`,
    )
  }
  for (const { hostPort } of container.ports ?? []) {
    if (hostPort)
      warnings.push(`container ${container.name}: hostPort ${hostPort} does not lead to the guard; remove it`)
  }
  for (const hook of ['postStart', 'preStop'] as const) {
    if (container.lifecycle?.[hook]?.httpGet) {
      warnings.push(
        `container ${container.name}: lifecycle.${hook}.httpGet calls the address of the pod, where an app on loopback does not answer; use exec`,
      )
    }
  }
  return warnings
}
