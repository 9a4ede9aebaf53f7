import { expect, test } from 'vitest'
import { tokenSets } from '../../../bench/guard/distinct.ts'
import { growthOf, thinned } from '../../../bench/guard/soak.ts'
import { adaptNginx } from '../../../bench/peers/example-proxies.ts'
import { commandOf } from '../../../bench/peers/product-command.ts'
import { benchClient } from '../../../bench/policy/clients.ts'

const example = `events {}

http {
  upstream latchkey {
    server latchkey-authorizer.latchkey-system.svc:9191;
    keepalive 32;
  }
  upstream orders {
    server orders.shop.svc:80;
    keepalive 32;
  }
  server {
    listen 8080;
    location = /latchkey-check {
      proxy_pass https://latchkey/check/shop/orders;
      include /etc/nginx/latchkey-secret.conf;
      proxy_ssl_verify on;
      proxy_ssl_name latchkey-authorizer.latchkey-system.svc;
    }
  }
}
`
const to = { own: 1_001, port: 1_002, place: { originPort: 1_003 }, secrets: { nginx: 'secret' } }

test('the example for nginx is taken as it is, but for addresses, the secret and TLS', () => {
  const [adapted = ''] = adaptNginx(example, to)
  expect(adapted).toContain('server 127.0.0.1:1002;')
  expect(adapted).toContain('server 127.0.0.1:1003;')
  expect(adapted).toContain('listen 127.0.0.1:1001')
  expect(adapted).toContain('proxy_pass http://latchkey/check/shop/orders;')
  expect(adapted).toContain('proxy_set_header Latchkey-Peer-Secret "secret";')
  expect(adapted).not.toMatch(/ssl|https|\.svc|events/)
})

test('an example that changed is told, not measured half adapted', () => {
  expect(() => adaptNginx(example.replace('listen 8080;', 'listen 80;'), to)).toThrow('listen 8080')
})

test('growth is that of the settled part', () => {
  const samples = Array.from({ length: 101 }, (_, at) => ({
    seconds: at * 36,
    mb: at < 20 ? at * 50 : 100 + at * 0.02,
  }))
  expect(growthOf(samples)).toBeCloseTo(2)
})

test('many samples are thinned evenly, few stay', () => {
  expect(thinned([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1, 4, 7])
  expect(thinned([1, 2], 3)).toEqual([1, 2])
})

const dockerfile = `FROM node
ENV NODE_ENV=production
ENTRYPOINT ["node", "--max-semi-space-size=8", "/app/latchkey.mjs"]
`

test('the guard runs with the flags and variables of the image and of the injected container', () => {
  const env = [
    { name: 'NODE_OPTIONS', value: '--max-old-space-size=64' },
    { name: 'LATCHKEY_SERVICE', value: 'shop/orders' },
    { name: 'LATCHKEY_POD_NAME', valueFrom: {} },
  ]
  expect(commandOf('/node', '/dist', dockerfile, { env })).toEqual({
    command: '/node',
    args: ['--max-semi-space-size=8', '/dist/latchkey.mjs'],
    nodeEnv: { NODE_ENV: 'production', NODE_OPTIONS: '--max-old-space-size=64' },
    guardEnv: { LATCHKEY_SERVICE: 'shop/orders' },
  })
})

test('a command of the container replaces the entrypoint of the image', () => {
  const command = ['node', '--jitless', '/app/guard.mjs']
  expect(commandOf('/node', '/dist', dockerfile, { command }).args).toEqual(['--jitless', '/dist/guard.mjs'])
})

test('in a round all contestants get the same tokens, in the next one none of them again', () => {
  const tokens = tokenSets(3, benchClient(0))
  const first = tokens('a')
  expect(tokens('b')).toEqual(first)
  const second = tokens('a')
  expect(new Set([...first, ...second]).size).toBe(6)
  expect(tokens('b')).toEqual(second)
})
