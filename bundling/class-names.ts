import { readFile } from 'node:fs/promises'
import { type Plugin, transform } from 'esbuild'

/**
 * oidc-provider finds the lifetime of a token, and what it keeps, by the names of its classes. Minified syntax drops a name that
 * the text does not use, and then tokens have no end.
 */
const named = /node_modules\/oidc-provider\/lib\/models\/.*\.js$/

/** Keeps names of classes and functions where a dependency goes by them. */
export const classNames: Plugin = {
  name: 'class-names',
  setup(build) {
    build.onLoad({ filter: named }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), {
        keepNames: true,
        loader: 'js',
        target: 'node26',
      })
      return { contents: code }
    })
  },
}
