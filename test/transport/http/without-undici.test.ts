/** Where undici is not installed. */
import { call, connect } from 'tenon'
import { testContext } from 'tenon/core'
import * as http from 'tenon/transport/http'
import { expect, test, vi } from 'vitest'
import { served } from './served.js'
import { Shop, shop } from './shop.js'

vi.mock('undici', () => {
  throw new Error('Cannot find package')
})

test('node:http is used, unless undici was asked for', async () => {
  const { address } = await served([shop()])
  const auto = http.client(address)
  expect(await call(connect(Shop, auto).get, { id: '7' })).toMatchObject({ right: { id: '7' } })
  await auto.close()
  const defects: unknown[] = []
  const context = testContext({ onDefect: thrown => void defects.push(thrown) })
  const wanted = http.client(address, { stack: 'undici' })
  for (let i = 0; i < 2; i++)
    expect(await call(connect(Shop, wanted).get, { id: '7' }, { context })).toMatchObject({
      left: { reason: 'DEFECT' },
    })
  expect(defects[0]).toMatchObject({ name: 'TypeError', message: 'http: install undici' })
  await wanted.close()
})
