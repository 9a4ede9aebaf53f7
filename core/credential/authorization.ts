const scheme = /^([A-Za-z][A-Za-z0-9-]*) +(.*)$/
const anyScheme = /^[A-Za-z][A-Za-z0-9-]*( |$)/

/** The scheme of an Authorization field in lower case, and what follows it; undefined when it has no such form. */
export function splitAuthorization(value: string): { readonly scheme: string; readonly text: string } | undefined {
  const [, name, text] = scheme.exec(value) ?? []
  return name === undefined || text === undefined ? undefined : { scheme: name.toLowerCase(), text }
}

/** Whether it names a scheme at all, with or without something behind it. */
export function hasScheme(value: string): boolean {
  return anyScheme.test(value)
}
