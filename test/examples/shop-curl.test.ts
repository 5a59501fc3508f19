// The shop as a stranger meets it: started as a program, tried with the very lines that it prints. Needs the loopback interface.
import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { call, callOrThrow, connect } from 'tenon'
import * as grpc from 'tenon/transport/grpc'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { Orders, Stock } from '../../examples/shop/contracts.js'
import { freePort, type Program, start, startBundled, startScript } from './program.js'

const run = promisify(execFile)
const timeout = 60_000 // on a busy machine

/** Starts the shop; it is gone when the test is. */
function startShop({ onTestFinished }: TestContext, ...flags: string[]): Program {
  const shop = startBundled('examples/shop/main.ts', flags)
  onTestFinished(async () => void (await shop.stop('SIGKILL')))
  return shop
}

/** Waits until the shop is open, and gives the lines it wants to be tried with. */
async function curlLines(shop: Program): Promise<[place: string, watch: string, tooMuch: string, cancel: string]> {
  await shop.waitFor(/:cancel\n/)
  const lines = shop.output().match(/^ {2}curl .*$/gm) ?? []
  expect(lines).toHaveLength(4)
  const [place = '', watch = '', tooMuch = '', cancel = ''] = lines
  return [place, watch, tooMuch, cancel]
}

/** The two lines that name the tokens. */
const tokenLines = (shop: Program): string =>
  shop
    .output()
    .match(/^ {2}(CUSTOMER|STAFF)=\S+$/gm)
    ?.join('\n') ?? ''

/** What a line prints in the shell in which the tokens have been named. */
async function inShell(shop: Program, line: string): Promise<string> {
  return (await run('sh', ['-c', `${tokenLines(shop)}\n${line}`])).stdout
}

/** A header with one of the tokens. */
function tokenOf(who: 'CUSTOMER' | 'STAFF', shop: Program): { readonly authorization: string } {
  return { authorization: `Bearer ${tokenLines(shop).match(new RegExp(`${who}=(\\S+)`))?.[1]}` }
}

async function needsCurl({ skip }: TestContext): Promise<void> {
  const missing = await run('curl', ['--version']).then(
    () => false,
    () => true,
  )
  if (missing && process.env['TENON_REQUIRE_SERVERS'] === '1') throw new Error('curl is not installed')
  if (missing) skip('curl is not installed')
}

const addressOf = (service: string, shop: Program): string =>
  shop.output().match(new RegExp(`^${service} at (\\S+)$`, 'm'))?.[1] ?? ''

describe.each([
  { name: 'in one process, as `npm start` starts it', flags: [], startIt: startScript },
  { name: 'in two processes', flags: ['--split'], startIt: startBundled },
])('the shop $name', ({ flags, startIt }) => {
  let shop: Program
  beforeAll(() => {
    shop = startIt('examples/shop/main.ts', ['--port', '0', ...flags])
  })
  afterAll(() => shop.stop('SIGKILL'))

  it('serves the same over gRPC', { timeout }, async () => {
    await shop.waitFor(/--list-services http:\S+\n/)
    const address = shop.output().match(/--list-services http:\/\/(\S+)/)?.[1] ?? ''
    const binding = grpc.client(address)
    const stock = flags.length === 0 ? [await callOrThrow(connect(Stock, binding).lookup, { sku: 'mug' })] : []
    for (const { sku } of stock) expect(sku).toBe('mug')
    const unknown = await call(connect(Orders, binding).get, { id: '4711' })
    expect(unknown).toMatchObject({ _tag: 'Left', left: { _tag: 'NoSuchOrder', details: { id: '4711' } } })
    await binding.close()
  })

  it('prints lines that work as printed', { timeout }, async context => {
    await needsCurl(context)
    const [place, watch, tooMuch, cancel] = await curlLines(shop)

    expect(JSON.parse(await inShell(shop, place))).toMatchObject({ id: '1', status: 'placed', totalCents: 8_700 })

    const events = (await inShell(shop, watch))
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(events).toMatchObject([
      { value: { status: 'placed' } },
      { value: { status: 'packed' } },
      { value: { status: 'shipped' } },
      { end: {} },
    ])

    const [head = '', problem = ''] = (await inShell(shop, tooMuch)).split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1.1 400 /)
    expect(JSON.parse(problem)).toMatchObject({ reason: 'OutOfStock', details: { sku: 'honey', available: 1 } })

    const [, cancelled] = (await inShell(shop, cancel)).split('}{')
    expect(JSON.parse(`{${cancelled}`)).toMatchObject({ id: '3', status: 'cancelled' })
  })

  it('knows who orders, and who cancels', { timeout }, async context => {
    await needsCurl(context)
    const [place] = await curlLines(shop)
    const stranger = await run('sh', ['-c', place.replace('curl ', 'curl -i ')])
    expect(stranger.stdout).toMatch(/^HTTP\/1.1 401 /)
    expect(stranger.stdout).toContain('www-authenticate: Bearer realm="shop", error="invalid_token"')
    const nobody = await fetch(`${addressOf('Orders', shop)}/orders/1:cancel`, {
      method: 'POST',
      headers: { connection: 'close' },
    })
    expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="shop"'])
  })

  it('prints where each of its methods is', { timeout }, async () => {
    await curlLines(shop)
    const headers = { connection: 'close' } // an idle one would be waited for in the end
    const stock = await fetch(`${addressOf('Stock', shop)}/stock/mug`, { headers })
    expect(await stock.json()).toMatchObject({ sku: 'mug', priceCents: 950 })
    const cancelled = await fetch(`${addressOf('Orders', shop)}/orders/9:cancel`, {
      method: 'POST',
      headers: { ...headers, ...tokenOf('CUSTOMER', shop) },
    })
    expect(cancelled.status).toBe(404)
    expect(await cancelled.json()).toMatchObject({ reason: 'NoSuchOrder', details: { id: '9' } })
  })

  it('counts what it answers and whom it calls, each where it happens', { timeout }, async context => {
    await needsCurl(context)
    await curlLines(shop)
    const text = await (
      await fetch(`${addressOf('Orders', shop)}/metrics`, { headers: { connection: 'close' } })
    ).text()
    const transport = flags.length === 0 ? 'memory' : 'http'
    expect(text).toContain(
      'tenon_server_calls_total{method="shop.v1.Orders/place",transport="http",code="rejected",blame="caller"} 1',
    )
    expect(text).toMatch(
      new RegExp(
        `tenon_client_calls_total{method="shop.v1.Stock/reserve",transport="${transport}",code="ok",blame="none"} [1-9]`,
      ),
    )
    expect(text).toContain('nodejs_version_info')
  })

  it('ends when it is told to', { timeout }, async () => {
    await curlLines(shop)
    expect(await shop.stop('SIGINT'), shop.output()).toBe(0)
    await refuses(addressOf('Stock', shop))
  })

  it('says in one line that its port is taken', { timeout }, async context => {
    const other = createServer()
    const port = await freePort() // and the next one, which the second process takes
    await new Promise<void>(resolve => void other.listen(port, '127.0.0.1', resolve))
    const shop = startShop(context, '--port', String(port), ...flags)
    expect(await shop.ended).toBe(1)
    other.close()
    const complaints = shop
      .output()
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('time='))
    expect(complaints).toEqual([`http: 127.0.0.1:${port} is taken by another process`])
  })
})

describe.concurrent('the two processes', () => {
  it('end together when the first is killed', { timeout }, async context => {
    const shop = startShop(context, '--port', '0', '--split')
    await curlLines(shop)
    await shop.stop('SIGKILL')
    await refuses(addressOf('Stock', shop))
  })

  it('end together when the second is killed', { timeout }, async context => {
    const shop = startShop(context, '--port', '0', '--split')
    await curlLines(shop)
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,args='])
    const second = stdout
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .find(([, parent, ...args]) => parent === String(shop.pid) && args.includes('--stock-only'))
    process.kill(Number(second?.[0]), 'SIGKILL')
    expect(await shop.ended).toBe(1)
    expect(shop.output()).toContain('the stock process has ended')
  })
})

describe.concurrent('the flags', () => {
  it.for([['--port', '65536'], ['--fast'], ['--split', '--stock-only']])('%s are refused in one line', async flags => {
    // What the shop does first, without what it loads for it.
    const reading = "import { readFlags } from './examples/shop/flags.ts'; readFlags()"
    const program = start(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', reading, '--', ...flags])
    expect(await program.ended).toBe(1)
    expect(program.output().trimEnd().split('\n')).toEqual([expect.stringMatching(/^shop: /)])
  })

  it('let the two services be started apart', { timeout }, async context => {
    const port = await freePort()
    const stock = startShop(context, '--stock-only', '--port', String(port))
    await stock.waitFor(/started/)
    const shop = startShop(context, '--stock-url', `http://127.0.0.1:${port}`, '--port', '0')
    await curlLines(shop)
    const lines = [{ sku: 'mug', count: 2 }]
    const placed = await fetch(`${addressOf('Orders', shop)}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...tokenOf('CUSTOMER', shop) },
      body: JSON.stringify({ lines }),
    })
    expect(placed.status).toBe(201)
    const mug = await fetch(`http://127.0.0.1:${port}/stock/mug`)
    expect(await mug.json()).toMatchObject({ available: 10 })
  })
})

/** Waits until nobody listens there any more. */
async function refuses(address: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 50) {
    const answer = await fetch(`${address}/stock`).catch(() => undefined)
    if (answer === undefined) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`${address} still answers`)
}
