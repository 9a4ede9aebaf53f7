import { type Feature, lackingOf } from '../../core/rows/features.ts'
import { createProjection } from '../../core/rows/project-rows.ts'
import type { Row } from '../../core/rows/rows.ts'
import { type ChangingView, createSliceView, historyMs, type SliceView, type ViewSource } from './slice-view.ts'

/** Sets of features that a slice is told in at most, the one of this release among them. */
export const mostViews = 8

/** A view that somebody looks at. */
export interface OpenView {
  readonly view: SliceView
  /** Once: nobody looks any more. */
  close(): void
}

/** A slice as it is told to guards, one view for each set of features that guards of it have. */
export interface SliceViews {
  /** Of guards that know all there is: the rows as they are. */
  readonly whole: SliceView
  /** @param said names of features, in any order, known here or not */
  open(said: readonly string[]): OpenView
  changed(rows: readonly Row[], gone: readonly string[]): void
  /** Forgets old states, and views at which nobody has looked for as long. @returns the oldest step that is remembered */
  prune(now: number): number
}

interface Kept {
  readonly lacking: readonly Feature[]
  readonly view: ChangingView
  guards: number
  /** When the last guard went; monotonic milliseconds. */
  leftAt: number
}

/**
 * A set beyond the bound is told in the largest view that has nothing it lacks: that denies more, and allows nothing
 * more. One place stays for guards that lack everything, so that there is always one.
 */
export function createSliceViews(source: ViewSource, table: readonly Feature[]): SliceViews {
  const whole = createSliceView(source)
  const others = new Map<string, Kept>()

  function viewFor(lacking: readonly Feature[]): Kept {
    const name = nameOf(lacking)
    const known = others.get(name)
    if (known) return known
    const isLeast = lacking.length === table.length
    if (!isLeast && placesTaken() && !dropUnused()) return smaller(lacking)
    const view = createSliceView(source, { projection: createProjection(lacking), whole })
    const made = { lacking, view, guards: 0, leftAt: source.now() }
    others.set(name, made)
    return made
  }

  /** Beside the whole and the least. */
  function placesTaken(): boolean {
    const least = others.has(nameOf(table)) ? 1 : 0
    return others.size - least >= mostViews - 2
  }

  function dropUnused(): boolean {
    const [oldest] = [...others]
      .filter(([, { guards, lacking }]) => guards === 0 && lacking.length < table.length)
      .sort(([, a], [, b]) => a.leftAt - b.leftAt)
    return oldest !== undefined && others.delete(oldest[0])
  }

  function smaller(lacking: readonly Feature[]): Kept {
    const [best] = [...others.values()]
      .filter(other => lacking.every(feature => other.lacking.includes(feature)))
      .sort((a, b) => a.lacking.length - b.lacking.length)
    return best ?? viewFor(table)
  }

  return {
    whole,
    open(said) {
      const lacking = lackingOf(said, table)
      if (lacking.length === 0) return { view: whole, close() {} }
      const kept = viewFor(lacking)
      kept.guards++
      return {
        view: kept.view,
        close() {
          kept.guards--
          kept.leftAt = source.now()
        },
      }
    },
    changed(rows, gone) {
      whole.changed(rows, gone)
      for (const { view } of others.values()) view.changed(rows, gone)
    },
    prune(now) {
      for (const [name, { guards, leftAt }] of others) {
        if (guards === 0 && now - leftAt >= historyMs) others.delete(name)
      }
      return Math.min(whole.prune(now), ...[...others.values()].map(({ view }) => view.prune(now)))
    },
  }
}

function nameOf(lacking: readonly Feature[]): string {
  return lacking.map(({ name }) => name).join()
}
