import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from '../cluster/binaries.ts'
import { run } from '../cluster/command.ts'
import { runScript, step } from '../cluster/progress.ts'

/** The cluster goes, and with it all that the demo made in it; then what it wrote into the checkout. */
runScript(async () => {
  await step('cluster', () => run(process.execPath, ['test/cluster/down.ts'], { cwd: repositoryRoot }))
  for (const name of ['demo.json', 'image.json']) await rm(join(repositoryRoot, 'build', name), { force: true })
})
