import { builtinModules, createRequire } from 'node:module'
import type { Plugin } from 'esbuild'

const require = createRequire(import.meta.url)
const isWord = /^[A-Za-z_$][\w$]*$/

/**
 * Loads Node's own modules by `require`. An `import` of one reads all that it exports, also what it would make only when
 * asked: with node:http came fetch, WebSocket and streams of the web, 16 MB for a process that uses none of them.
 */
export const builtinsByRequire: Plugin = {
  name: 'builtins-by-require',
  setup(build) {
    const known = new Set(builtinModules.flatMap(name => [name, `node:${name}`]))
    build.onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) => {
      if (!known.has(path) || kind === 'require-call') return undefined
      const namespace = kind === 'dynamic-import' ? 'builtin-later' : 'builtin'
      return { path: path.replace(/^node:/, ''), namespace, sideEffects: false }
    })
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: sourceOf(path) }))
    // What asks for a module at run time is given all of it, each part when it is read.
    build.onLoad({ filter: /.*/, namespace: 'builtin-later' }, ({ path }) => {
      return { contents: `module.exports = require('node:${path}')` }
    })
  },
}

/** A builtin as an ES module. What nobody imports is not read: the bundler drops what is marked as pure. */
function sourceOf(name: string): string {
  const exported = Object.keys(require(`node:${name}`) as object).filter(key => isWord.test(key) && key !== 'default')
  const lines = exported.map(
    (key, at) => `const _${at} = /* @__PURE__ */ (() => all.${key})(); export { _${at} as ${key} }`,
  )
  return [`const all = process.getBuiltinModule('node:${name}')`, 'export default all', ...lines].join('\n')
}
