import { runScript, say, step } from '../../test/cluster/progress.ts'
import { onStage, type Stage } from '../peers/stage.ts'
import { prepareOha, prepareTools, versionsOf } from '../peers/tools.ts'
import { nowSeconds } from '../policy/clients.ts'
import { clientsOf, rowsOf } from '../policy/size.ts'
import { writeFigures, writeResult } from '../results.ts'
import { describeRig, moveTo } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { memoryFigures, passingFigures, policyFigures, soakFigure, startFigure } from './figures.ts'
import { measurePassing } from './passing.ts'
import { measurePolicies } from './policies.ts'
import { measureSoak } from './soak.ts'
import { measureStart } from './start.ts'

const bench = 'guard'
/** A policy of some size, as a busy service has it. */
const startPolicy = { clients: 1_000, rules: 100 }
const startRows = () => rowsOf(startPolicy, clientsOf(startPolicy), nowSeconds())

await runScript(async () => {
  const settings = readSettings(process.env)
  const tools = await prepareTools()
  const oha = await prepareOha()
  moveTo(settings.loadCore)
  const rig = describeRig(settings, await versionsOf(tools), new Date())
  const rigged = <T>(what: string, work: (stage: Stage) => Promise<T>): Promise<T> =>
    step(what, () => onStage(tools, settings, work))
  const passing = await rigged('requests through', stage => measurePassing(stage, oha))
  const policies = await rigged('policies', measurePolicies)
  const start = await rigged('start', ({ place }) => measureStart(process.execPath, place, startRows(), 7))
  const soak = settings.soakMinutes > 0 ? await rigged('soak', measureSoak) : undefined
  writeResult('guard-series.json', {
    rig,
    series: [...passing.series, ...policies.series],
    rates: passing.rates,
    restMb: passing.restMb,
    soak,
  })
  writeFigures('guard', bench, rig, [
    ...passingFigures(passing),
    ...policyFigures(policies.series),
    startFigure('guard-ready-ms', start),
    ...(soak ? [soakFigure(soak)] : []),
  ])
  writeFigures('memory', bench, rig, memoryFigures(policies.series, policies.guardRestMb))
  if (!soak) say('No soak: SOAK_MINUTES=0.')
})
