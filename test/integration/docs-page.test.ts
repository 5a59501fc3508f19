/** The page that the shop's `npm start` links to, as people use it: in Chromium, with nothing but the shop to load from. */
import type { Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Program, startBundled } from '../examples/program.js'
import { launchChromium, needChromium } from './chromium.js'

interface Visit {
  readonly page: Page
  readonly address: string
  /** The hosts that the page loaded from or called. */
  readonly hosts: Set<string>
  /** What the browser complained of: scripts that broke, things that the page's policy forbids. */
  readonly complaints: string[]
}

/** Starts the shop, takes the link that it prints, and opens it. */
async function visit(): Promise<Visit> {
  const shop: Program = startBundled('examples/shop/main.ts', ['--port', '0'])
  onTestFinished(async () => void (await shop.stop()))
  const [, link = ''] = await shop.waitFor(/^ {2}(http:\S+\/docs)$/m)
  const browser = await launchChromium()
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  const hosts = new Set<string>()
  const complaints: string[] = []
  page.on('request', request => hosts.add(new URL(request.url()).origin))
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('console', message => {
    // Chromium says so of each response that is a failure.
    const isFailure = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !isFailure) complaints.push(message.text())
  })
  await page.goto(link)
  return { page, address: new URL(link).origin, hosts, complaints }
}

/** Presses "Try it out", fills in the only parameter, and gives the status and the body that the page shows. */
async function tryLookup(page: Page, sku: string): Promise<{ readonly status: string; readonly body: string }> {
  const operation = page.locator('.opblock', { hasText: 'Look an item up' })
  if ((await operation.getByRole('button', { name: 'Execute' }).count()) === 0) {
    await operation.locator('.opblock-summary-control').click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
  } else await operation.getByRole('button', { name: 'Clear' }).click()
  await operation.getByPlaceholder('sku').fill(sku)
  await operation.getByRole('button', { name: 'Execute' }).click()
  const answer = operation.locator('.live-responses-table')
  return {
    status: (await answer.locator('.response-col_status').nth(1).textContent()) ?? '',
    body: (await answer.locator('pre').first().textContent()) ?? '',
  }
}

describe('the page for reading and trying', () => {
  test('shows every method and calls them, without another host', { timeout: 120_000 }, async ({ skip }) => {
    needChromium(skip)
    const { page, address, hosts, complaints } = await visit()

    await page.locator('.opblock').first().waitFor()
    expect(await page.locator('h1').textContent()).toContain('The shop')
    const paths = await page.locator('.opblock-summary-path').allTextContents()
    expect(paths.map(path => path.replaceAll('\u200b', ''))).toEqual([
      '/orders',
      '/orders/{id}',
      '/orders/{id}:cancel',
      '/orders/{id}/events',
      '/stock',
      '/stock/{sku}',
      '/stock/{sku}',
      '/stock/{sku}/reservations/{reservation}',
      '/stock/{sku}/reservations/{reservation}',
    ])

    const found = await tryLookup(page, 'teapot')
    expect(found.status).toContain('200')
    expect(JSON.parse(found.body)).toMatchObject({ sku: 'teapot', available: expect.any(Number) })

    const missing = await tryLookup(page, 'no-such-thing')
    expect(missing.status).toContain('404')
    expect(JSON.parse(missing.body)).toMatchObject({ code: 'not_found', reason: 'NoSuchItem' })

    expect([...hosts].filter(host => host !== address && host !== 'null')).toEqual([])
    expect(complaints).toEqual([])
  })
})
