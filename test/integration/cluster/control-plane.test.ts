import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { kubectlPath } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts'
import { isAlive, processesIn } from '../../cluster/processes.ts'

const started: ControlPlane[] = []

async function start(): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ name: 'control-plane-test' })
  started.push(controlPlane)
  return controlPlane
}

async function kubectl(kubeconfig: string, ...args: string[]): Promise<string> {
  return await run(await kubectlPath(), ['--kubeconfig', kubeconfig, ...args])
}

afterAll(async () => {
  for (const controlPlane of started) await controlPlane.stop()
})

describe('startControlPlane', () => {
  it('runs two side by side that know nothing of each other', async () => {
    const [first, second] = await Promise.all([start(), start()])
    await kubectl(first.kubeconfig, 'create', 'namespace', 'only-in-first')
    expect(await kubectl(first.kubeconfig, 'get', 'namespace', 'only-in-first', '--output=name')).toBe(
      'namespace/only-in-first\n',
    )
    expect(await kubectl(second.kubeconfig, 'get', 'namespaces', '--output=name')).not.toContain('only-in-first')
  })

  it('makes a kubeconfig that the API server takes for the user and groups asked for', async () => {
    const controlPlane = started[0] ?? (await start())
    const kubeconfig = await controlPlane.kubeconfigFor('alice@example.com', ['team a', 'auditors'])
    const { status } = JSON.parse(await kubectl(kubeconfig, 'auth', 'whoami', '--output=json'))
    expect(status.userInfo).toMatchObject({
      username: 'alice@example.com',
      groups: ['team a', 'auditors', 'system:authenticated'],
    })
    await expect(kubectl(kubeconfig, 'get', 'secrets')).rejects.toThrow('forbidden')
  })

  it('leaves neither process nor directory when stopped', async () => {
    const controlPlane = await start()
    const processes = processesIn(controlPlane.directory)
    expect(processes.map(one => one.name).sort()).toEqual(['etcd', 'kube-apiserver'])
    await controlPlane.stop()
    expect(processes.filter(isAlive)).toEqual([])
    expect(existsSync(controlPlane.directory)).toBe(false)
  })

  it('ends what a killed run left behind when the next one starts', async () => {
    const module = fileURLToPath(new URL('../../cluster/control-plane.ts', import.meta.url))
    const script = `import { startControlPlane } from ${JSON.stringify(module)}
      console.log((await startControlPlane({ name: 'killed' })).directory)
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(child.stdout, 'data')
    const directory = String(line).trim()
    child.kill('SIGKILL')
    await once(child, 'exit')
    const orphans = processesIn(directory)
    expect(orphans.filter(isAlive)).toHaveLength(2)

    await start()
    expect(orphans.filter(isAlive)).toEqual([])
    expect(existsSync(directory)).toBe(false)
  })
})
