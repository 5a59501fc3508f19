/** The laws of composition: it does not matter how a stack is written down, nor whether its layers run fused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { around, chain, explain, fromPromise, type Middleware } from '../../src/core/index.js'
import { deep } from '../deep.js'
import { compositions, play, type Scene, scene, type Told } from './random-stack.js'

const [, ...others] = Object.entries(compositions)
const oneChain = (parts: readonly Middleware[]): Middleware => chain(...parts)
const numRuns = deep(150, 20_000)

describe('a random stack', () => {
  test.each(others)('as %s does what one chain does', async (_name, compose) => {
    await fc.assert(
      fc.asyncProperty(scene, async each => {
        expect(inAnyOrder(await play(each, compose), each)).toEqual(inAnyOrder(await play(each, oneChain), each))
      }),
      { numRuns },
    )
  })

  test('exits each layer that has entered once, and no other', async () => {
    await everyRun(({ entered, exited }, { parts }) => {
      const observing = parts.flatMap((part, i) => (part.kind === 'around' && part.exit !== 'absent' ? [i] : []))
      for (const i of observing) expect(exited.get(i), `layer ${i}`).toBe(entered.get(i))
    })
  })

  test('exits the innermost layer first', async () => {
    await everyRun(({ events }, { parts }) => {
      // What drops a stream that it was given leaves the layers inside waiting for it, until the deadline.
      if (parts.some(part => part.kind === 'intercept' && part.run === 'defectAfter')) return
      const inside: number[] = []
      for (const event of events) {
        const [, i, what] = /^\S+ (\d+) (entered|exits)/.exec(event) ?? []
        const part = parts[Number(i)]
        if (part?.kind !== 'around' || part.exit === 'absent' || part.enter === 'absent') continue
        if (what === 'entered') inside.push(Number(i))
        else expect(inside.pop(), event).toBe(Number(i))
      }
    })
  })

  test('answers by the deadline, and leaves no timer behind', async () => {
    await everyRun(({ outcome, heard, pendingTimers }, { end, endMs }) => {
      expect(outcome).toMatch(/^(left|right) /)
      const [answeredAt] = heard.map(event => Number.parseFloat(event))
      const latest = { none: 500, cancel: endMs + 0.5, deadline: Math.ceil(endMs / 10) * 10 }[end]
      expect(answeredAt).toBeLessThanOrEqual(latest)
      expect(pendingTimers).toBe(0)
    })
  })

  test('tells what is thrown to onDefect and to nobody else', async () => {
    await everyRun(({ heard, outcome }) => {
      expect([...heard, outcome].filter(each => /Error|defect|TypeError/.test(each))).toEqual([])
    })
  })
})

/**
 * What goes on in a part of a call that has ended early takes no turns with what goes on around it. And where the deadlines of both are
 * in one tick, the call's may come before the failure of the part has gone all the way out.
 */
function inAnyOrder(told: Told, { parts }: Scene): Told {
  const hasParts = parts.some(part => part.kind === 'around' && (part.enter === 'part' || part.enter === 'bounds'))
  const endsEarly = told.events.some(event => /TOO_LATE|CANCELLED|DEADLINE/.test(event))
  if (!hasParts || !endsEarly) return told
  const timeOf = (event: string): string => event.split(' ', 1)[0] ?? ''
  const ends = new Set(told.events.filter(event => event.includes('DEADLINE_EXCEEDED')).map(timeOf))
  const events = told.events.map(event =>
    ends.has(timeOf(event)) ? event.replace(/TOO_LATE_\d+/, 'DEADLINE_EXCEEDED') : event,
  )
  return { ...told, events: events.sort() }
}

function everyRun(check: (told: Told, scene: Scene) => void): Promise<void> {
  const property = fc.asyncProperty(scene, async each => {
    for (const name of ['one chain', 'nothing fused']) {
      const compose = compositions[name]
      if (compose !== undefined) check(await play(each, compose), each)
    }
  })
  return Promise.resolve(fc.assert(property, { numRuns }))
}

test('chain puts the first middleware outermost', () => {
  const [a, b, c] = ['a', 'b', 'c'].map(name => around({ name })) as [Middleware, Middleware, Middleware]
  const names = explain(chain(a, chain(), b, c)(fromPromise(async function leaf() {}))).steps.map(step => step.name)
  expect(names).toEqual(['a', 'b', 'c', 'leaf'])
})

test('chain of nothing gives the same endpoint', () => {
  const endpoint = fromPromise(async () => 1)
  expect(chain()(endpoint)).toBe(endpoint)
})

test('chain names the argument that is no middleware', () => {
  const middleware = around({ name: 'a' })
  expect(() => chain(middleware, undefined as never, middleware)).toThrow(
    new TypeError('chain: argument 2 is not a middleware'),
  )
})
