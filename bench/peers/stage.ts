import type { Settings } from '../settings.ts'
import { type Contestant, type Place, withContestants } from './contestant.ts'
import { startOrigin } from './nginx.ts'
import type { Tools } from './tools.ts'

/** What a measurement needs: programs, settings, a running origin, and who stops what it starts. */
export interface Stage {
  readonly tools: Tools
  readonly settings: Settings
  readonly place: Place
  readonly origin: Contestant
  add<C extends Contestant>(starting: Promise<C>): Promise<C>
}

/** Does a measurement on a stage of its own; whatever happens, nothing of it is left. */
export function onStage<T>(tools: Tools, settings: Settings, work: (stage: Stage) => Promise<T>): Promise<T> {
  return withContestants(async (directory, add) => {
    const origin = await add(startOrigin(tools.nginx, { directory, core: settings.loadCore }))
    const place = { directory, core: settings.programCore, originPort: Number(new URL(origin.url).port) }
    return work({ tools, settings, place, origin, add })
  })
}
