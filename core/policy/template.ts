/** One segment of a template. Literals are percent-decoded. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'rest' }

export interface Template {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
}

/** Why a text is no template, as a sentence that says what to write instead. */
export interface TemplateFault {
  readonly fault: string
}

/** A path template, for example `/orders/{id}`, `/files/**`. */
export function parseTemplate(_text: string): Template | TemplateFault {
  throw new Error('being written')
}

/** A resource template of a permission, for example `orders/{id}`: segments without a leading slash. */
export function parseResource(_text: string): Template | TemplateFault {
  throw new Error('being written')
}
