// `npm start` with NATS_URL: one process serves the shop over HTTP and over NATS, and both stop with one drain.
import { connect as connectNats } from 'nats'
import { call, callOrThrow, connect } from 'tenon'
import * as http from 'tenon/transport/http'
import * as nats from 'tenon/transport/nats'
import { expect, test } from 'vitest'
import { Stock } from '../../examples/shop/contracts.js'
import { needNats, startNats } from '../integration/nats.js'
import { startBundled } from './program.js'

test('the shop is served over NATS as well, and both stop together', async ({ skip }) => {
  needNats(skip)
  const broker = await startNats()
  const shop = startBundled('examples/shop/main.ts', ['--port', '0'], { NATS_URL: `nats://127.0.0.1:${broker.port}` })
  const [, address = ''] = await shop.waitFor(/Orders at (\S+)/)
  const connection = await connectNats({ servers: `127.0.0.1:${broker.port}` })
  const overNats = connect(Stock, nats.client(connection))
  const binding = http.client(address)
  const overHttp = connect(Stock, binding)
  const mug = await callOrThrow(overNats.lookup, { sku: 'mug' })
  expect(mug).toEqual(await callOrThrow(overHttp.lookup, { sku: 'mug' }))
  const missing = await call(overNats.lookup, { sku: 'nothing' })
  expect(missing).toEqual(await call(overHttp.lookup, { sku: 'nothing' }))
  await binding.close()
  expect(await shop.stop()).toBe(0)
  expect(await call(overNats.lookup, { sku: 'mug' })).toMatchObject({ left: { reason: 'NO_RESPONDERS' } })
  await connection.close()
  await broker.stop()
}, 60_000)
