/** Colors that are told apart on white and on black, also by those who see fewer: the first one is ours. */
export const colors = ['#2f81f7', '#d9822b', '#8b949e', '#3fa66a', '#a371f7', '#c9577d'] as const

/** Text is one gray that both backgrounds carry; where the reader's scheme is known, a stronger one. */
const style = `text{font:12px system-ui,sans-serif;fill:#6e7681}.title{font-size:14px;font-weight:600}
.grid{stroke:#8b949e;stroke-opacity:.3}.line{fill:none;stroke-width:2}
@media(prefers-color-scheme:light){text{fill:#24292f}}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}`

export type Attributes = Readonly<Record<string, string | number>>

/** One element. Content that is text must be escaped. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 100) / 100) : escapeText(value)
    return ` ${key}="${text}"`
  })
  return `<${name}${written.join('')}${content === '' ? '/>' : `>${content}</${name}>`}`
}

export function label(text: string, attributes: Attributes): string {
  return element('text', attributes, escapeText(text))
}

export function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

/** A whole drawing: `title` is drawn, and told to those who do not see it. */
export function drawing(title: string, width: number, height: number, parts: readonly string[]): string {
  const inside = [
    element('title', {}, escapeText(title)),
    element('style', {}, style),
    label(title, { x: 12, y: 22, class: 'title' }),
    ...parts,
  ]
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, role: 'img' }
  return `${element('svg', { ...attributes, width, height }, `\n${inside.join('\n')}\n`)}\n`
}

/** Three significant digits, thousands set apart: 12,300 or 0.42. */
export function readable(value: number): string {
  const rounded = Number(value.toPrecision(3))
  return Math.abs(rounded) >= 1_000 ? rounded.toLocaleString('en-US') : String(rounded)
}

/** About so many round numbers from zero to beyond the highest value. */
export function ticksTo(highest: number, about = 5): number[] {
  if (!(highest > 0)) return [0, 1]
  const rough = highest / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10) * power
  const count = Math.ceil(highest / step)
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)))
}
