import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { manualClock } from 'tenon'
import { describe, expect, test } from 'vitest'
import { Connections } from '../../../src/transport/http/connections.js'
import { open, served } from './served.js'
import { shop } from './shop.js'

const patience = { timeoutMs: 60_000, quietMs: 5_000 }

function connected() {
  const clock = manualClock()
  const connections = new Connections(clock)
  const socket = new Socket()
  connections.add(socket)
  const connection = connections.of(socket)
  if (connection === undefined) throw new Error('it is open')
  const message = new IncomingMessage(socket)
  message.complete = true
  const answers = [message, new ServerResponse(message)] as const
  const call = { cancel: () => {} }
  return {
    socket,
    begin: () => connection.began(call),
    answer: () => connection.ended(call, ...answers),
    async check(afterMs: number) {
      await clock.advance(afterMs)
      connections.check(patience)
    },
  }
}

describe('a quiet connection', () => {
  test('is kept for its time, from when it was first seen quiet, and then closed', async () => {
    const { socket, answer, check } = connected()
    answer()
    await check(1_000)
    await check(4_999)
    expect(socket.destroyed).toBe(false)
    await check(1)
    expect(socket.destroyed).toBe(true)
  })

  test('is one on which no requests go on', async () => {
    const { socket, answer, check } = connected()
    for (let i = 0; i < 10; i++) {
      answer()
      await check(4_000)
    }
    expect(socket.destroyed).toBe(false)
  })

  test('is one on which no call goes on, however long it takes', async () => {
    const { socket, begin, answer, check } = connected()
    answer()
    begin()
    for (let i = 0; i < 10; i++) await check(4_000)
    answer()
    await check(4_999)
    expect(socket.destroyed).toBe(false)
  })

  test('is one that had an answer: whoever never asks is waited for elsewhere', async () => {
    const { socket, check } = connected()
    for (let i = 0; i < 10; i++) await check(4_000)
    expect(socket.destroyed).toBe(false)
  })
})

describe('how long it is kept', () => {
  const get = 'GET /orders/7 HTTP/1.1\r\nhost: t\r\n'

  test.for([
    ['a result', `${get}\r\n`],
    ['a failure', 'GET /nothing HTTP/1.1\r\nhost: t\r\n\r\n'],
    ['a stream', 'GET /orders/7/events?count=1 HTTP/1.1\r\nhost: t\r\n\r\n'],
  ] as const)('is said with %s', async ([, request]) => {
    const { port } = await served([shop()], { keepAliveTimeoutMs: 7_900 })
    const { headers } = (await open(port).write(request).response()) ?? {}
    expect(headers).toMatchObject({ connection: 'keep-alive', 'keep-alive': 'timeout=7' })
  })

  test('is not said where the connection ends', async () => {
    const { port } = await served([shop()])
    const { headers } = (await open(port).write(`${get}connection: close\r\n\r\n`).response()) ?? {}
    expect(headers).toMatchObject({ connection: 'close' })
    expect(headers).not.toHaveProperty('keep-alive')
  })
})
