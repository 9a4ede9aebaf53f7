import { runScript, say, step } from '../../test/cluster/progress.ts'
import { onStage, type Stage } from '../peers/stage.ts'
import { prepareOha, prepareTools, versionsOf } from '../peers/tools.ts'
import { nowSeconds } from '../policy/clients.ts'
import { clientsOf, rowsOf } from '../policy/size.ts'
import { type Figure, writeFigures, writeResult } from '../results.ts'
import { describeRig, moveTo } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { memoryFigures, passingFigures, policyFigures, soakFigure, startFigure } from './figures.ts'
import { measureIdle } from './idle.ts'
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
  const figures: Figure[] = []
  let kept: object = { rig }
  // After every part, so that a peer which fails later costs no more than its own part.
  const keep = (more: object, added: readonly Figure[]): void => {
    kept = { ...kept, ...more }
    figures.push(...added)
    writeResult('guard-series.json', kept)
    writeFigures('guard', bench, rig, figures)
  }
  const passing = await rigged('requests through', stage => measurePassing(stage, oha))
  keep(passing, passingFigures(passing))
  const policies = await rigged('policies', measurePolicies)
  keep({ series: [...passing.series, ...policies.series] }, policyFigures(policies.series))
  writeFigures('memory', bench, rig, memoryFigures(policies.series, policies.guardRestMb))
  const start = await rigged('start', ({ place }) => measureStart(process.execPath, place, startRows(), 7))
  keep({ start }, [startFigure('guard-ready-ms', start)])
  const idle = await rigged('at rest', ({ place }) => measureIdle(process.execPath, place, startRows()))
  keep({ idle }, [{ name: 'idle-cpu-percent', unit: '%', value: idle, n: 1 }])
  if (settings.soakMinutes === 0) return say('No soak: SOAK_MINUTES=0.')
  const soak = await rigged('soak', measureSoak)
  keep({ soak }, [soakFigure(soak)])
})
