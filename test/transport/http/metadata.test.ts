/** Metadata of calls over HTTP: whichever way it is read, it is the map of all headers. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { logger } from 'tenon/log'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Metadata } from '../../../src/core/index.js'
import { metadataOf } from '../../../src/transport/http/metadata.js'
import { metadataFrom } from '../../../src/transport/index.js'
import { deep } from '../../deep.js'
import { listening } from './listening.js'

/** What node:http makes of these lines, and what a context has of it. */
async function sent(lines: readonly string[]): Promise<Metadata> {
  const { port, server } = await listening((_, response) => void response.end())
  const came = once(server, 'request')
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.write(['GET / HTTP/1.1', 'host: shop', ...lines, '', ''].join('\r\n'))
  const [{ headers, rawHeaders }] = (await came) as [IncomingMessage] // of node:http
  return metadataOf({ headers, rawHeaders })
}

const asked = ['b', 'authorization', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'set-cookie', 'cookie']

/** By name first: what is looked up must not depend on the map of all having been made. */
function read(metadata: Metadata): unknown {
  const named = asked.map(name => [name, metadata.get(name), metadata.has(name)])
  const told: unknown[] = []
  metadata.forEach((value, name, all) => void told.push([name, value, all === metadata]))
  const lists = [metadata, metadata.keys(), metadata.values(), metadata.entries()].map(list => [...list])
  return { named, size: metadata.size, told, lists, again: asked.map(name => metadata.get(name)) }
}

describe('metadata from headers', () => {
  test('joins lines of one name as node:http does, and all of a credential', async () => {
    const metadata = await sent([
      'Accept: a',
      'accept: b',
      'cookie: a=1',
      'cookie: b=2',
      'set-cookie: c',
      'set-cookie: d',
    ])
    expect([...metadata]).toEqual([
      ['host', 'shop'],
      ['accept', 'a, b'],
      ['cookie', 'a=1; b=2'],
      ['set-cookie', 'c, d'],
    ])
    const twice = await sent(['Authorization: Bearer a', 'AUTHORIZATION: Bearer b'])
    expect([twice.get('authorization'), twice.has('authorization')]).toEqual(['Bearer a, Bearer b', true])
    expect([...twice]).toEqual([
      ['host', 'shop'],
      ['authorization', 'Bearer a, Bearer b'],
    ])
  })

  test('has nothing that no header said, whatever objects have', async () => {
    const metadata = await sent(['__proto__: x', 'b: 1'])
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'B', 'authorization'])
      expect([name, metadata.get(name), metadata.has(name)]).toEqual([name, undefined, false])
    expect((await sent(['constructor: mine'])).get('constructor')).toBe('mine')
  })

  test('reads as the map of all would, in every way', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ' ', ','), maxLength: 4 })
    const value = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.constant(undefined))
    const headers = fc.dictionary(fc.constantFrom(...asked.filter(name => name !== '__proto__'), 'c'), value)
    const property = fc.property(headers, given => {
      const expected = metadataFrom(given)
      expect(read(metadataOf({ headers: given, rawHeaders: undefined }))).toEqual(read(expected))
      const { authorization } = given
      const raw = typeof authorization === 'string' ? ['Authorization', authorization] : []
      expect(read(metadataOf({ headers: given, rawHeaders: ['B', 'authorization', ...raw] }))).toEqual(read(expected))
    })
    fc.assert(property, { numRuns: deep(100, 5_000) })
  })

  test('is shown and logged as a map, its secrets hidden', async () => {
    const metadata = await sent(['authorization: Bearer abc', 'b: 1'])
    expect(inspect(metadata)).toBe(inspect(new Map(metadata)))
    const lines: string[] = []
    logger({ format: 'json', write: line => lines.push(line) }).info('came', { metadata })
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      metadata: { host: 'shop', authorization: '[redacted]', b: '1' },
    })
  })
})
