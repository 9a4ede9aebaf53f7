import { dockerAnswers, kindStatus } from './kind.ts'
import { runScript } from './progress.ts'
import { healthOf, kubeconfigPath } from './real-cluster.ts'

if (import.meta.main) {
  await runScript(async () => {
    const health = (await dockerAnswers()) ? await kindStatus() : await healthOf()
    const lines = health.running ? [...health.lines, `KUBECONFIG=${kubeconfigPath}`] : health.lines
    process.stdout.write(`${lines.join('\n')}\n`)
    if (!health.healthy) process.exitCode = 1
  })
}
