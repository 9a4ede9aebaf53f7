import { guardContainerName, guardMemoryAnnotation, openPortsAnnotation } from '../../core/api/guarded-pod.ts'
import { group } from '../../core/api/kind.ts'
import { enforcesAnnotation, guardLabel } from '../../core/api/labels.ts'
import {
  type Container,
  type Pod,
  upstreamPortAnnotation,
  upstreamProtocolAnnotation,
  upstreamSocketAnnotation,
} from './pod.ts'

const loopback = ['127.0.0.1', '::1', 'localhost']

/** What of ours a pod can have; another name says nothing to anybody. */
const known = {
  annotation: [
    openPortsAnnotation,
    upstreamPortAnnotation,
    upstreamProtocolAnnotation,
    upstreamSocketAnnotation,
    enforcesAnnotation,
    guardMemoryAnnotation,
  ],
  label: [guardLabel],
} as const
const unknownAtMost = 5

/** What a person should know about a pod that can be guarded, but perhaps not as they think. */
export function podWarnings({ metadata, spec }: Pod): readonly string[] {
  const warnings = [
    ...unknownNames('annotation', metadata?.annotations),
    ...unknownNames('label', metadata?.labels),
    ...spec.containers.flatMap(containerWarnings),
  ]
  if (spec.shareProcessNamespace) {
    warnings.push(
      'shareProcessNamespace lets the containers of this pod see the processes of the guard, and one of the same user id or root read its files; give them another runAsUser than 65532',
    )
  }
  return warnings
}

function unknownNames(what: keyof typeof known, given: Readonly<Record<string, string>> = {}): string[] {
  const names: readonly string[] = known[what]
  return Object.keys(given)
    .filter(name => name.startsWith(`${group}/`) && !names.includes(name))
    .slice(0, unknownAtMost)
    .map(name => `${what} ${name} says nothing to Latchkey, is it misspelt? A pod can have ${names.join(', ')}`)
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
