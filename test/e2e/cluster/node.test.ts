import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectlPath, repositoryRoot } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { until } from '../../cluster/progress.ts'
import { kubeconfigPath } from '../../cluster/real-cluster.ts'

const namespace = 'node-test'

async function kubectl(args: string[], input = ''): Promise<string> {
  return await run(await kubectlPath(), ['--kubeconfig', kubeconfigPath, '--namespace', namespace, ...args], { input })
}

const server = `console.log('listening')
require('http').createServer((_, response) => response.end(process.env.HOSTNAME)).listen(8080)`

function pod(name: string, image: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: 'server' } },
    spec: {
      securityContext: { runAsNonRoot: true, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'server',
          image,
          command: ['node', '--eval', server],
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'secret', mountPath: '/secret', readOnly: true }],
        },
      ],
      volumes: [{ name: 'secret', secret: { secretName: 'secret', defaultMode: 0o440 } }],
      terminationGracePeriodSeconds: 0,
    },
  }
}

beforeAll(async () => {
  const image = JSON.parse(await readFile(join(repositoryRoot, 'build', 'image.json'), 'utf8')).reference as string
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secret', namespace }, stringData: { key: 'first' } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'server', namespace },
      spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ]
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  const pods = [pod('one', image), pod('two', image)]
  await until('pods may be made', 30_000, async () =>
    kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods })).then(() => true),
  )
  await kubectl(['wait', 'pod', '--all', '--for=condition=Ready', '--timeout=60s'])
})

afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false'])
})

describe('the cluster', () => {
  it('runs a pod under Pod Security restricted, and shows its log', async () => {
    expect(await kubectl(['logs', 'one'])).toBe('listening\n')
  })

  it('mounts a Secret that only the pod’s own user and group can read', async () => {
    expect(await kubectl(['exec', 'one', '--', 'cat', '/secret/key'])).toBe('first')
  })

  it('takes a pod through a Service name to every pod behind it, itself included', async () => {
    const ask = `fetch('http://server.${namespace}.svc').then(answer => answer.text()).then(console.log)`
    const seen = new Set<string>()
    await until('answers of both pods', 60_000, async () => {
      seen.add((await kubectl(['exec', 'one', '--', 'node', '--eval', ask])).trim())
      return seen.size === 2
    })
    expect([...seen].sort()).toEqual(['one', 'two'])
  })

  it('refuses a pod that Pod Security restricted does not allow', async () => {
    await expect(kubectl(['run', 'loose', '--image=localhost/none:1'])).rejects.toThrow('violates PodSecurity')
  })
})
