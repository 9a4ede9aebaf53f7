import { afterAll, beforeAll, beforeEach } from 'vitest'
import { type App, type Rig, startApp, startGuard } from '../guard/rig.ts'

/** A guard that runs, and the app behind it. Read the members in tests, not before: they are there when the tests run. */
export interface GuardedApp {
  readonly app: App
  readonly rig: Rig
}

/** One for all tests of the file that calls this; what the app has seen is forgotten before each of them. */
export function guardForAll(): GuardedApp {
  let app: App | undefined
  let rig: Rig | undefined
  beforeAll(async () => {
    app = await startApp()
    rig = await startGuard(app.port)
  })
  beforeEach(() => void app?.seen.splice(0))
  afterAll(async () => {
    await rig?.close()
    await app?.close()
  })
  return {
    get app() {
      return there(app)
    },
    get rig() {
      return there(rig)
    },
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the guard of this file does not run yet')
  return value
}
