import { describe, expect, it } from 'vitest'
import { proxyOf } from '../../../../../platform/kube/proxy/proxy-of.ts'

const proxy = 'http://proxy:3128'
const of = (server: string, env: Record<string, string>) => proxyOf(new URL(server), env)

describe('the proxy that the environment names', () => {
  it.each([
    ['https://api.example', { HTTPS_PROXY: proxy }, proxy],
    ['https://api.example', { https_proxy: proxy }, proxy],
    ['https://api.example', { HTTPS_PROXY: '', https_proxy: proxy }, proxy],
    ['https://api.example', { HTTPS_PROXY: 'proxy:3128' }, proxy],
    ['https://api.example', { HTTPS_PROXY: 'socks5://proxy:1080' }, 'socks5://proxy:1080'],
    ['https://api.example', { HTTP_PROXY: proxy }, undefined],
    ['http://api.example', { HTTP_PROXY: proxy }, proxy],
    ['https://api.example', {}, undefined],
    ['https://localhost:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://127.0.0.2:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY: proxy }, undefined],
  ])('for %s in %j is %s', (server, env, expected) => {
    expect(of(server, env)).toBe(expected)
  })

  it.each([
    ['https://api.example', '*'],
    ['https://api.example', 'other, API.example'],
    ['https://api.example.', 'api.example'],
    ['https://api.example', 'example'],
    ['https://api.example', '.example'],
    ['https://api.example', '*.example'],
    ['https://api.example:6443', 'api.example:6443'],
    ['https://api.example', 'api.example:443'],
    ['https://10.1.2.3', '10.0.0.0/8'],
    ['https://10.1.2.3', '10.1.2.3'],
    ['https://10.1.2.3:6443', '10.1.2.3:6443'],
    ['https://[fd00::7]:6443', 'fd00::7'],
    ['https://[fd00::7]:6443', '[fd00::7]:6443'],
    ['https://[fd00::7]', 'fd00::/8'],
  ])('is not for %s where NO_PROXY is %s', (server, list) => {
    expect(of(server, { HTTPS_PROXY: proxy, NO_PROXY: list })).toBeUndefined()
    expect(of(server, { HTTPS_PROXY: proxy, no_proxy: list })).toBeUndefined()
  })

  it.each([
    ['https://api.example', ''],
    ['https://api.example', ','],
    ['https://example', '.example'],
    ['https://api-example', 'example'],
    ['https://api.example', 'ample'],
    ['https://api.example:6443', 'api.example:443'],
    ['https://11.1.2.3', '10.0.0.0/8'],
    ['https://10.1.2.3', '10.0.0.0/99'],
    ['https://10.1.2.3', 'api/8'],
    ['https://1.10.1.2', '10.1.2'],
    ['https://api.example', '10.0.0.0/8'],
  ])('is for %s where NO_PROXY is %j', (server, list) => {
    expect(of(server, { HTTPS_PROXY: proxy, NO_PROXY: list })).toBe(proxy)
  })
})
