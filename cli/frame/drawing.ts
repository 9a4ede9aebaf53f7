/** What draws on a terminal, or hides there. */
export const drawing = /[\u007f-\u009f\p{Cf}]/u

/** In a string of JSON, or one of YAML in double quotes: what draws on a terminal stands there by its number. */
export function escaped(text: string): string {
  return text.replaceAll(new RegExp(drawing, 'gu'), one =>
    [...Array(one.length).keys()].map(at => `\\u${one.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
}
