import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const core = join(import.meta.dirname, '../../../core')
const files = readdirSync(core, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(20)
})

test.each([
  ['Date.now', /\bDate\.now\b/],
  ['new Date( without an argument', /\bnew Date\(\s*\)/],
  ['performance.now', /\bperformance\b/],
  ['Math.random', /\bMath\.random\b/],
  ['randomness of node:crypto', /\brandom(?:Bytes|UUID|Int|FillSync)\b|\bgetRandomValues\b/],
  ['process', /\bprocess\./],
  ['timers', /\bset(?:Timeout|Interval|Immediate)\b/],
])('core/ is pure: %s stands nowhere in it', (_, forbidden) => {
  const found = files.filter(name => forbidden.test(readFileSync(join(core, name), 'utf8')))
  expect(found).toEqual([])
})

test('core/ imports no module of Node but crypto, of which it takes only what verifies and hashes', () => {
  const allowed = ['verify', 'createPublicKey', 'createHash', 'timingSafeEqual', 'KeyObject']
  const taken = files.flatMap(name =>
    [...readFileSync(join(core, name), 'utf8').matchAll(/import (?:type )?\{([^}]*)\} from '(node:[^']+)'/g)].flatMap(
      ([, names = '', module]) =>
        names
          .split(',')
          .map(each =>
            each
              .trim()
              .replace(/^type /, '')
              .replace(/ as .*/, ''),
          )
          .filter(each => each !== '')
          .filter(each => module !== 'node:crypto' || !allowed.includes(each))
          .map(each => `${name}: ${each} from ${module}`),
    ),
  )
  expect(taken).toEqual([])
})
