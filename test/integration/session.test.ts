/** One session in two processes and a real Redis: logged in at one, known at the other, and logged out at both. */
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { startBundled } from '../examples/program.js'
import { needRedis, startRedis } from './redis.js'

beforeEach(({ skip }) => needRedis(skip))

test('log in at one process, act at the other, log out: replaying the cookie is refused by both', {
  timeout: 60_000,
}, async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const programs = [1, 2].map(() => startBundled('test/integration/fixtures/sessions.ts', [String(redis.port)]))
  onTestFinished(async () => void (await Promise.all(programs.map(program => program.stop('SIGKILL')))))
  const [one = '', other = ''] = await Promise.all(
    programs.map(async program => (await program.waitFor(/^at (\S+)$/m))[1] ?? ''),
  )
  const ask = async (at: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const response = await fetch(at + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', connection: 'close', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const [cookie] = response.headers.getSetCookie()
    return { status: response.status, body: await response.json(), cookie }
  }

  const login = await ask(one, '/login', { id: 'ada' })
  expect(login.cookie).toMatch(/^__Host-session=[\w-]{22}; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  const cookie = login.cookie?.split(';')[0] ?? ''
  expect(await ask(other, '/me', undefined, { cookie })).toMatchObject({ status: 200, body: { id: 'ada' } })
  expect(await ask(one, '/me', undefined, { cookie })).toMatchObject({ status: 200 })
  expect(await ask(other, '/me', undefined)).toMatchObject({ status: 401, body: { reason: 'CREDENTIALS_MISSING' } })

  const forged = { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
  expect(await ask(other, '/me', { id: 'eve' }, forged)).toMatchObject({
    status: 403,
    body: { reason: 'CROSS_SITE_REQUEST' },
  })
  expect(await ask(other, '/me', { id: 'eve' }, { cookie, origin: other })).toMatchObject({ status: 200 })

  expect(await ask(other, '/logout', {}, { cookie })).toMatchObject({
    status: 200,
    cookie: expect.stringMatching(/^__Host-session=; .*Max-Age=0/),
  })
  for (const at of [one, other]) expect(await ask(at, '/me', undefined, { cookie })).toMatchObject({ status: 401 })
})
