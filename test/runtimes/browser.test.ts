/** The fetch client in Chromium, bundled as users do it, against servers that its page is of the same origin with. */
import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { transportConformance } from 'tenon/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Program, startBundled } from '../examples/program.js'
import { hasChromium, launchChromium, needChromium } from '../integration/chromium.js'
import { served } from '../transport/http/served.js'
import { type Built, built } from './built.js'
import { crossingCases, streamedRequests } from './inside/crossing.js'
import { demo } from './inside/demo.js'
import type { Told } from './inside/program.js'
import { shopCases } from './inside/shop.js'
import { remoteTests } from './remote-cases.js'

let files: Built
let program: string
let browser: Browser
let shop: Program | undefined

const inChromium = (register: () => void): void => {
  if (hasChromium) register()
  else test('Chromium', ({ skip }) => needChromium(skip))
}

/** An empty page of the origin, with the program in it. */
async function pageAt(origin: string): Promise<Page> {
  const page = await browser.newPage()
  const url = `${origin}/page`
  await page.route(url, route =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>page</title>' }),
  )
  await page.goto(url)
  await page.addScriptTag({ path: program, type: 'module' })
  await page.waitForFunction('globalThis.tasks !== undefined')
  return page
}

async function ask(task: string, origin: string, token = ''): Promise<readonly Told[]> {
  const page = await pageAt(origin)
  const told: readonly Told[] = await page.evaluate(`globalThis.tasks.${task}('${token}')`)
  await page.close()
  return told
}

inChromium(() => {
  beforeAll(async () => {
    files = built()
    program = await files.bundle('browser', { whole: true })
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser.close()
    await shop?.stop()
    files.remove()
  })

  test('the bundle imports nothing', () => {
    expect(readFileSync(program, 'utf8')).not.toMatch(/^import\b|\bimport\("node:|\brequire\(/m)
  })

  describe('server and client in Chromium, without a network', () => {
    const keptCookies = 'browsers keep cookies to themselves'
    const deviations = {
      'reply: several cookies are kept apart, commas and all': keptCookies,
      'principal: a credential in cookie says who calls, for that call alone': keptCookies,
      'principal: a bad credential in cookie is refused in the same words': keptCookies,
    }
    remoteTests(transportConformance, async () => await ask('suite', (await served([demo()])).address), { deviations })
  })

  describe('a client in Chromium, a server in Node', () => {
    const reason = 'browsers send request streams over HTTP/2 alone'
    const deviations = Object.fromEntries(streamedRequests.map(({ name }) => [name, reason]))
    remoteTests(crossingCases, async () => await ask('crossing', (await served([demo()])).address), { deviations })

    test('a request stream that cannot be sent is refused, with the reason', async () => {
      const { address } = await served([demo()])
      const page = await pageAt(address)
      expect(await page.evaluate('globalThis.sumRefused()')).toEqual({
        _tag: 'Failure',
        code: 'unimplemented',
        reason: 'REQUEST_STREAM_UNSUPPORTED',
        message: 'browsers send request streams over HTTP/2 alone, which they speak with https:// targets only',
        ran: 'no',
      })
      await page.close()
    })
  })

  describe('a page of the example shop', () =>
    remoteTests(shopCases, async () => {
      shop = startBundled('examples/shop/main.ts', ['--port', '0'])
      const [, address = ''] = await shop.waitFor(/^ {2}(http:\S+)\/docs$/m)
      const [, token = ''] = await shop.waitFor(/^ {2}CUSTOMER=(\S+)$/m)
      return await ask('shop', address, token)
    }))
})
