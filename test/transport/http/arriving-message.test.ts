// Requests as node:http makes them, fed by hand: what arrives in which pieces cannot be said of a socket.
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ArrivingMessage } from '../../../src/transport/http/arriving-message.js'
import type { Body } from '../../../src/transport/http/message.js'
import { NodeRequest } from '../../../src/transport/http/node-request.js'

const maxBytes = 100_000

function read(message: ArrivingMessage): Promise<Body> {
  return new Promise(resolve => new NodeRequest(message).body(maxBytes, resolve))
}

/** Asks for the body, then lets arrive what `pieces` says: text, `undefined` for the end, an error where the caller goes away. */
async function bodyOf(
  headers: Readonly<Record<string, string>>,
  ...pieces: readonly (string | undefined | Error)[]
): Promise<{ readonly body: Body; readonly listeners: number; readonly message: ArrivingMessage }> {
  const message = new ArrivingMessage(new Socket())
  message.headers = headers
  message.on('error', () => {}) // node:http's own servers listen as well
  const reading = read(message)
  let listeners = 0
  for (const piece of pieces) {
    listeners = message.listenerCount('data')
    if (piece instanceof Error) message.destroy(piece)
    else if (piece !== undefined) message.push(Buffer.from(piece))
    else {
      message.complete = true
      message.push(null)
    }
  }
  const body = await reading
  await new Promise(setImmediate)
  return { body, listeners, message }
}

const sized = (length: number): Readonly<Record<string, string>> => ({ 'content-length': String(length) })
const chunked = { 'transfer-encoding': 'chunked' }
const long = 'x'.repeat(90_000)

describe('a body', () => {
  test.for([
    { name: 'in one piece', headers: sized(5), pieces: ['hello'], text: 'hello', isListened: false },
    { name: 'in one chunk', headers: chunked, pieces: ['hello'], text: 'hello', isListened: false },
    { name: 'of nothing', headers: chunked, pieces: [], text: '', isListened: false },
    { name: 'in two pieces', headers: sized(5), pieces: ['hel', 'lo'], text: 'hello', isListened: true },
    {
      name: 'in many pieces',
      headers: sized(500),
      pieces: Array(500).fill('x'),
      text: 'x'.repeat(500),
      isListened: true,
    },
    {
      name: 'in one piece that fills the buffer',
      headers: sized(90_000),
      pieces: [long],
      text: long,
      isListened: true,
    },
    {
      name: 'that begins with more than a buffer',
      headers: sized(90_001),
      pieces: [long, 'y'],
      text: `${long}y`,
      isListened: true,
    },
  ])('$name is read, with listeners: $isListened', async ({ headers, pieces, text, isListened }) => {
    const { body, listeners, message } = await bodyOf(headers, ...pieces, undefined)
    expect(body).toStrictEqual({ text })
    expect(listeners > 0).toBe(isListened)
    expect(message.readableEnded).toBe(true) // node:http keeps a connection's last request until it has ended
    expect(message.listenerCount('data')).toBe(0)
  })

  test.for([
    { name: 'whose length is said to be too long', headers: sized(maxBytes + 1), pieces: [], reason: 'BODY_TOO_LARGE' },
    { name: 'that turns out too long', headers: chunked, pieces: [long, long, undefined], reason: 'BODY_TOO_LARGE' },
    { name: 'that breaks off before it begins', headers: sized(5), pieces: [new Error('gone')], reason: 'CANCELLED' },
    { name: 'that breaks off', headers: sized(5), pieces: ['hel', new Error('gone')], reason: 'CANCELLED' },
    {
      name: 'that breaks off in its second piece',
      headers: sized(5),
      pieces: ['h', 'e', new Error('gone')],
      reason: 'CANCELLED',
    },
    {
      name: 'that is not packed as it says',
      headers: { ...sized(5), 'content-encoding': 'br' },
      pieces: ['hello', undefined],
      reason: 'MALFORMED_BODY',
    },
  ])('$name fails with $reason', async ({ headers, pieces, reason }) => {
    const { body } = await bodyOf(headers, ...pieces)
    expect(body.failure).toMatchObject({ reason, ran: 'no' })
  })

  test('is had by one who asks when it is here', async () => {
    const message = new ArrivingMessage(new Socket())
    message.headers = sized(5)
    message.push(Buffer.from('hello'))
    message.complete = true
    message.push(null)
    expect(await read(message)).toStrictEqual({ text: 'hello' })
    expect((await read(message)).failure).toMatchObject({ reason: 'BODY_ALREADY_READ' })
  })
})
