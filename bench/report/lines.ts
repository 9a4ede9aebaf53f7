import { colors, drawing, element, label, readable, ticksTo } from './svg.ts'

export interface Line {
  readonly label: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface Axes {
  readonly x: string
  readonly y: string
  /** Powers of ten at equal distances, on both axes; all values must be above zero. */
  readonly logarithmic?: boolean
}

const width = 720
const height = 340
const box = { left: 80, right: 180, top: 40, bottom: 50 }

/** Lines over one pair of axes, each named at its end. */
export function lineChart(title: string, axes: Axes, lines: readonly Line[]): string {
  const all = lines.flatMap(({ points }) => points)
  const xScale = scaleOf(
    all.map(({ x }) => x),
    axes.logarithmic,
  )
  const yScale = scaleOf(
    all.map(({ y }) => y),
    axes.logarithmic,
  )
  const x = (value: number): number => box.left + xScale.place(value) * (width - box.left - box.right)
  const y = (value: number): number => height - box.bottom - yScale.place(value) * (height - box.top - box.bottom)
  const grid = [
    ...xScale.ticks.map(tick => label(readable(tick), { x: x(tick), y: height - 30, 'text-anchor': 'middle' })),
    ...yScale.ticks.flatMap(tick => [
      element('line', { x1: box.left, x2: width - box.right, y1: y(tick), y2: y(tick), class: 'grid' }),
      label(readable(tick), { x: box.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }),
    ]),
    label(axes.x, { x: (box.left + width - box.right) / 2, y: height - 8, 'text-anchor': 'middle' }),
    label(axes.y, { x: width - 12, y: 22, 'text-anchor': 'end' }),
  ]
  const drawn = lines.flatMap(({ label: name, points }, at) => {
    const stroke = colors[at % colors.length] ?? colors[0]
    const last = points.at(-1)
    const path = points.map(point => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(' ')
    return [
      element('polyline', { points: path, stroke, class: 'line' }),
      ...(points.length <= 12
        ? points.map(p => element('circle', { cx: x(p.x), cy: y(p.y), r: 3.5, fill: stroke }))
        : []),
      ...(last ? [label(name, { x: x(last.x) + 10, y: y(last.y) + 4 })] : []),
    ]
  })
  return drawing(title, width, height, [...grid, ...drawn])
}

/** Where on an axis a value stands, 0 to 1, and what is written there. */
export function scaleOf(
  values: readonly number[],
  logarithmic = false,
): { ticks: number[]; place(value: number): number } {
  const highest = Math.max(...values)
  if (!logarithmic) {
    const ticks = ticksTo(highest)
    const end = ticks.at(-1) ?? 1
    return { ticks, place: value => value / end }
  }
  const low = Math.floor(Math.log10(Math.min(...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(highest)))
  const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at))
  return { ticks, place: value => (Math.log10(value) - low) / (high - low) }
}
