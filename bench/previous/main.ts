import { runScript, say, step } from '../../test/cluster/progress.ts'
import { fullCommit, previousBundle } from '../../test/previous-bundle.ts'
import { onStage } from '../peers/stage.ts'
import { prepareTools, versionsOf } from '../peers/tools.ts'
import { writeFigures, writeResult } from '../results.ts'
import { describeRig, moveTo } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { measureBoth } from './both.ts'
import { pairedFigures, sentenceOf } from './paired.ts'

/** As many turns as a difference of a few percent needs on a machine that others use too. */
const fewestRounds = 9

await runScript(async () => {
  const { BASE } = process.env
  if (!BASE) throw new Error('BASE: name the commit to compare with, such as BASE=HEAD~1')
  const base = fullCommit(BASE)
  const settings = readSettings({ ROUNDS: String(fewestRounds), ...process.env })
  const dist = await step(`build ${base.slice(0, 7)}`, () => previousBundle(base))
  const tools = await prepareTools()
  moveTo(settings.loadCore)
  const rig = describeRig(settings, { ...(await versionsOf(tools)), base }, new Date())
  const pairs = await step(`this tree and ${base.slice(0, 7)} in turn`, () =>
    onStage(tools, settings, stage => measureBoth(stage, dist)),
  )
  writeResult('previous-series.json', { rig, pairs })
  writeFigures('previous', 'previous', rig, pairedFigures(pairs, base.slice(0, 7)))
  for (const pair of pairs) say(sentenceOf(pair))
})
