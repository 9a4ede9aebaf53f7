import type { Contestant, Place } from '../peers/contestant.ts'
import type { Tools } from '../peers/tools.ts'
import type { Settings } from '../settings.ts'

/** What a measurement needs: programs, settings, a running origin, and who stops what it starts. */
export interface Stage {
  readonly tools: Tools
  readonly oha: string
  readonly settings: Settings
  readonly place: Place
  readonly origin: Contestant
  add<C extends Contestant>(starting: Promise<C>): Promise<C>
}
