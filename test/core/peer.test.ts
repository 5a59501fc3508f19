/** Who calls: asked only when read, the same in all that belongs to the call, and never anybody else's. */
import { describe, expect, test } from 'vitest'
import {
  type Context,
  call,
  detached,
  extend,
  fromPromise,
  incoming,
  type Peer,
  withOutgoing,
} from '../../src/core/index.js'

const caller: Peer = { address: '203.0.113.7', secure: true }

/** What knows that, and how often it was asked. */
function knowing(peer: Peer): { readonly peer: Peer; readonly asked: number } {
  let asked = 0
  return {
    get peer() {
      asked++
      return peer
    },
    get asked() {
      return asked
    },
  }
}

describe('peer', () => {
  test('is not worked out for a handler that does not read it', async () => {
    const from = knowing(caller)
    const begun = incoming({ deadlineMs: 1_000, from })
    await begun.run(
      fromPromise(async () => 1),
      {},
    )
    expect(from.asked).toBe(0)
    expect(begun.context.peer).toBe(caller)
    expect(from.asked).toBe(1)
  })

  test('is that of the call in what its handler calls, extends and leaves behind', async () => {
    const seen: Peer[] = []
    const inner = fromPromise(async (_: object, { peer }: Context) => void seen.push(peer))
    const outer = fromPromise(async (_: object, context: Context) => {
      seen.push(context.peer, extend(context, { tenant: 'north' }).peer, withOutgoing(context, { 'x-a': '1' }).peer)
      await call(inner, {}, { context })
      await call(inner, {}, { context: detached(context) })
    })
    await incoming({ deadlineMs: 1_000, from: knowing(caller) }).run(outer, {})
    expect(seen).toEqual([caller, caller, caller, caller, caller])
  })

  test('is nothing where nobody says: neither an address nor a certificate, and not secure', async () => {
    const { context } = incoming({ deadlineMs: 1_000 })
    expect(context.peer).toEqual({ secure: false })
    expect(() => Object.assign(context.peer, { address: '203.0.113.7' })).toThrow(TypeError)
    expect(incoming({ deadlineMs: 1_000 }).context.peer).toEqual({ secure: false })
  })
})
