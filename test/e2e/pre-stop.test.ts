import { afterAll, expect, it } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { apply, podsOf, read, remove } from './cluster.ts'

interface Template {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> }
      readonly spec: Record<string, unknown>
    }
  }
}

const name = 'shared-processes'
afterAll(() => remove('pods', 'shop', name))

/** What the guard of the pod says of its readiness, as a pod elsewhere hears it. */
const readiness = async (address: string): Promise<string> => {
  const script = `fetch('http://${address}:15081/readyz').then(r=>console.log(r.status)).catch(()=>console.log('gone'))`
  const caller = ['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--', 'node', '-e']
  return (await kubectl([...caller, script])).trim()
}

it('F20 a guard whose pod shares its processes hears of the end before it is signalled', async () => {
  const { metadata, spec } = (await read<Template>('deployments', 'shop', 'orders')).spec.template
  // Behind the Service, or its guard would get no policy; of no ReplicaSet.
  const { 'pod-template-hash': _, ...ofTheApp } = metadata.labels
  const labels = { ...ofTheApp, test: name }
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels },
    spec: { ...spec, shareProcessNamespace: true, restartPolicy: 'Never', terminationGracePeriodSeconds: 30 },
  })
  await kubectl(['wait', `pod/${name}`, '--namespace', 'shop', '--for=condition=Ready', '--timeout=90s'])
  const [pod] = await podsOf('shop', `test=${name}`)
  const address = pod?.status.podIP ?? ''
  expect(await readiness(address)).toBe('200')
  await kubectl(['delete', 'pod', name, '--namespace', 'shop', '--wait=false'])
  // The app's own hook keeps the pod for five seconds: time in which the guard already sends callers elsewhere.
  await expect.poll(() => readiness(address), { timeout: 20_000 }).toBe('503')
  const selector = ['--field-selector', `involvedObject.name=${name},reason=FailedPreStopHook`]
  expect((await kubectl(['get', 'events', '--namespace', 'shop', ...selector, '--output=name'])).trim()).toBe('')
})
