import { colors, drawing, element, label, readable, ticksTo } from './svg.ts'

export interface Bar {
  readonly label: string
  readonly value: number
  /** Ours stands out. */
  readonly ours?: boolean
}

/** Groups of bars that belong together; one group without a name is a plain list. */
export interface BarGroup {
  readonly name: string
  readonly bars: readonly Bar[]
}

const width = 720
const left = 210
const right = 80
const barHeight = 18
const pitch = 24

/** Lying bars, each with its value at its end. */
export function barChart(title: string, unit: string, groups: readonly BarGroup[]): string {
  const highest = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)))
  const ticks = ticksTo(highest)
  const end = ticks.at(-1) ?? 1
  const x = (value: number): number => left + (value / end) * (width - left - right)
  const parts: string[] = []
  let y = 40
  for (const { name, bars } of groups) {
    if (name !== '') {
      parts.push(label(name, { x: 12, y: y + 14 }))
      y += 20
    }
    for (const bar of bars) {
      const fill = bar.ours ? colors[0] : colors[2]
      parts.push(label(bar.label, { x: left - 8, y: y + 14, 'text-anchor': 'end' }))
      parts.push(
        element('rect', { x: left, y, width: Math.max(1, x(bar.value) - left), height: barHeight, fill, rx: 2 }),
      )
      parts.push(label(readable(bar.value), { x: x(bar.value) + 6, y: y + 14 }))
      y += pitch
    }
    y += 6
  }
  const grid = ticks.flatMap(tick => [
    element('line', { x1: x(tick), x2: x(tick), y1: 36, y2: y, class: 'grid' }),
    label(readable(tick), { x: x(tick), y: y + 16, 'text-anchor': 'middle' }),
  ])
  const legend = label(unit, { x: width - 12, y: 22, 'text-anchor': 'end' })
  return drawing(title, width, y + 28, [legend, ...grid, ...parts])
}
