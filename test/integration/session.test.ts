/** One session in two processes and a real Redis: what one begins, renews or ends, the other knows, and nobody else's word is ever good. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Program, startBundled } from '../examples/program.js'
import type { OwnServer } from './own-server.js'
import { hasRedis, needRedis, startRedis } from './redis.js'

const minute = 60_000
const missing = { status: 401, body: { reason: 'CREDENTIALS_MISSING' } }
const forgotten = expect.stringMatching(/^__Host-session=; .*Max-Age=0/)

describe('sessions of two processes', { timeout: 60_000 }, () => {
  let server: OwnServer
  let programs: readonly Program[] = []
  let redis: Redis
  let [one, other] = ['', '']

  beforeAll(async () => {
    if (!hasRedis) return
    server = await startRedis()
    redis = new Redis(server.port, '127.0.0.1')
    programs = [1, 2].map(() => startBundled('test/integration/fixtures/sessions.ts', [String(server.port)]))
    ;[one = '', other = ''] = await Promise.all(
      programs.map(async program => (await program.waitFor(/^at (\S+)$/m))[1] ?? ''),
    )
  }, 60_000)

  afterAll(async () => {
    await Promise.all(programs.map(program => program.stop('SIGKILL')))
    redis?.disconnect()
    await server?.stop()
  })

  beforeEach(async ({ skip }) => {
    needRedis(skip)
    await redis.flushall()
  })

  const ask = async (at: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await fetch(at + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', connection: 'close', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const [cookie] = response.headers.getSetCookie()
    return { status: response.status, body: await response.json(), cookie }
  }
  const login = async (at: string, id: string, headers: Record<string, string> = {}): Promise<string> => {
    const { status, cookie = '' } = await ask(at, '/login', { id }, headers)
    expect(status).toBe(200)
    return cookie.split(';')[0] ?? ''
  }
  const me = (at: string, cookie: string) => ask(at, '/me', undefined, { cookie })
  const known = (id: string) => ({ status: 200, body: { id }, cookie: undefined })
  const bothSay = async (cookie: string, told: object): Promise<void> => {
    for (const at of [one, other]) expect(await me(at, cookie)).toMatchObject(told)
  }
  /** Time goes by for both. What Redis keeps goes by its own. */
  const wait = async (ms: number): Promise<void> => {
    for (const at of [one, other]) await ask(at, '/wait', { ms })
  }
  const lifeLeft = async (): Promise<number> => {
    const [key = '', ...more] = await redis.keys('*')
    expect(more).toEqual([])
    return await redis.pttl(key)
  }

  test('log in at one, act at the other, log out: replaying the cookie is refused by both', async () => {
    const begun = await ask(one, '/login', { id: 'ada' })
    expect(begun.status).toBe(200)
    expect(begun.cookie).toMatch(/^__Host-session=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    const cookie = begun.cookie?.split(';')[0] ?? ''
    await bothSay(cookie, known('ada'))
    expect(await me(other, '')).toMatchObject(missing)

    const forged = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect(await ask(other, '/me', { id: 'eve' }, forged)).toMatchObject({
      status: 403,
      body: { reason: 'CROSS_SITE_REQUEST' },
    })
    expect(await ask(other, '/me', { id: 'eve' }, { cookie, origin: other })).toMatchObject({ status: 200 })

    expect(await ask(other, '/logout', {}, { cookie })).toMatchObject({ status: 200, cookie: forgotten })
    await bothSay(cookie, missing)
    expect(await redis.dbsize()).toBe(0)
  })

  test('a login at the other ends the session that came with it, everywhere, and takes no word that it is given', async () => {
    const first = await login(one, 'ada')
    const second = await login(other, 'ada', { cookie: first })
    expect(second).not.toBe(first)
    await bothSay(first, { ...missing, cookie: forgotten })
    await bothSay(second, known('ada'))
    expect(await redis.dbsize()).toBe(1)

    const planted = `__Host-session=${'A'.repeat(22)}`
    const third = await login(one, 'bea', { cookie: planted })
    expect(third).not.toBe(planted)
    await bothSay(planted, missing)
    await bothSay(third, known('bea'))
    await bothSay(second, known('ada'))
  })

  test('a session that is not used ends for both; one that is used at either goes on', async () => {
    const used = await login(one, 'ada')
    for (const at of [other, one, other]) {
      await wait(29 * minute)
      expect(await me(at, used)).toMatchObject(known('ada'))
    }
    expect(await lifeLeft()).toBeGreaterThan(20 * minute)
    await wait(30 * minute)
    await bothSay(used, { ...missing, cookie: forgotten })
  })

  test('twelve hours after the login it ends, though it was used until then, and Redis keeps it no longer', async () => {
    const cookie = await login(other, 'ada')
    for (let i = 0; i < 28; i++) {
      await wait(25 * minute)
      expect(await me(i % 2 === 0 ? one : other, cookie)).toMatchObject(known('ada'))
    }
    expect(await lifeLeft()).toBeLessThanOrEqual(20 * minute)
    await wait(18 * minute)
    await bothSay(cookie, known('ada'))
    await wait(2 * minute)
    await bothSay(cookie, missing)
  })

  test('what Redis has let go is over, without anybody’s clock', async () => {
    const cookie = await login(one, 'brief')
    expect(cookie).toMatch(/^__Host-brief=/)
    await expect.poll(() => redis.dbsize(), { timeout: 20_000 }).toBe(0)
    await bothSay(cookie, missing)
    await bothSay(cookie.replace('brief', 'session'), missing)
  })

  test('a logout among a hundred calls is the end: none of those that renew the session bring it back', async () => {
    const cookie = await login(one, 'ada')
    await wait(10 * minute) // so that each of them writes
    const calls = Array.from({ length: 100 }, (_, i) => me(i % 2 === 0 ? one : other, cookie))
    expect(await ask(other, '/logout', {}, { cookie })).toMatchObject({ status: 200 })
    await bothSay(cookie, missing)
    for (const { status } of await Promise.all(calls)) expect([200, 401]).toContain(status)
    await bothSay(cookie, missing)
    expect(await redis.dbsize()).toBe(0)
  })

  test('Redis holds no word that could be shown', async () => {
    const cookie = await login(one, 'ada')
    const [, word = ''] = cookie.split('=')
    const [key = ''] = await redis.keys('*')
    expect(`${key} ${await redis.get(key)}`).not.toContain(word)
    expect(key).toMatch(/^tenon:value:session:[0-9a-f]{64}$/)
    for (const shown of [key, key.slice(-64), key.slice(-22)]) await bothSay(`__Host-session=${shown}`, missing)
  })
})
