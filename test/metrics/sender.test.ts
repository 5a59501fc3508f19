/** What all senders do about servers that are gone, hang or refuse: within a bound, and at nobody's cost. */
import { describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../../src/core/index.js'
import { batchesOf } from '../../src/metrics/batches.js'
import { type MetricSender, Refused, type SenderEvent, startSender } from '../../src/metrics/sender.js'

interface Trial {
  readonly clock: ManualClock
  readonly sender: MetricSender
  readonly sent: string[]
  readonly events: SenderEvent[]
  /** What the next batches end with; none: sent. `hang` never ends. */
  readonly answers: (Error | 'hang' | undefined)[]
  read: readonly string[]
  ends: number
}

function trial(options: object = {}): Trial {
  const clock = manualClock()
  const sent: string[] = []
  const events: SenderEvent[] = []
  const answers: Trial['answers'] = []
  const own = {
    clock,
    sent,
    events,
    answers,
    read: ['a'] as readonly string[],
    ends: 0,
  }
  const settings = { intervalMs: 1_000, maxBufferedBytes: 100, timeoutMs: 200, ...options }
  const sender = startSender({
    target: 'test 1',
    options: { ...settings, clock, onEvent: event => void events.push(event) },
    read: () => own.read,
    async send(batch, signal) {
      const answer = answers.shift()
      if (answer === 'hang')
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      if (answer instanceof Error) throw answer
      sent.push(batch)
    },
    end: () => void own.ends++,
  })
  return Object.assign(own, { sender })
}

describe('a sender', () => {
  it('sends at each interval, when asked, and a last time', async () => {
    const t = trial()
    await t.clock.advance(999)
    expect(t.sent).toEqual([])
    await t.clock.advance(1_001)
    expect(t.sent).toEqual(['a', 'a'])
    t.read = ['b', 'c']
    await t.sender.flush()
    expect(t.sent).toEqual(['a', 'a', 'b', 'c'])
    t.read = ['d']
    await t.sender.close()
    await t.sender.close()
    await t.sender.flush()
    await t.clock.advance(10_000)
    expect(t.sent).toEqual(['a', 'a', 'b', 'c', 'd'])
    expect(t.ends).toBe(1)
    expect(t.clock.pendingTimers).toBe(0)
  })

  it('keeps what could not be sent, tells once, and sends it first when it can', async () => {
    const t = trial()
    const error = new Error('ECONNREFUSED')
    t.answers.push(error, error)
    await t.clock.advance(1_000)
    t.read = ['b']
    await t.clock.advance(1_000)
    expect([t.sent, t.events]).toEqual([[], [{ type: 'failed', target: 'test 1', error }]])
    t.read = ['c']
    await t.clock.advance(1_000)
    expect(t.sent).toEqual(['a', 'b', 'c'])
    expect(t.events.slice(1)).toEqual([{ type: 'recovered', target: 'test 1' }])
    expect(t.sender.droppedBytes).toBe(0)
    await t.sender.close()
  })

  it('drops the oldest of what there is no place for, however long the server is gone', async () => {
    const t = trial()
    for (let i = 0; i < 1_000; i++) {
      t.answers[0] = new Error('gone')
      t.read = [`${i}`.padStart(10, '0')]
      await t.clock.advance(1_000)
    }
    t.answers.length = 0
    t.read = []
    await t.sender.flush()
    expect(t.sent).toEqual(Array.from({ length: 10 }, (_, i) => `${990 + i}`.padStart(10, '0')))
    expect(t.sender.droppedBytes).toBe(9_900)
    expect(t.events.filter(({ type }) => type === 'dropped')).toHaveLength(990)
    await t.sender.close()
  })

  it('gives a server that hangs its time, one batch at once, and goes on', async () => {
    const t = trial({ timeoutMs: 2_500 })
    t.answers.push('hang')
    await t.clock.advance(3_000)
    expect(t.sent).toEqual([])
    await t.clock.advance(500)
    expect(t.events).toMatchObject([{ type: 'failed', error: { message: 'it took more than 2500 ms' } }])
    await t.clock.advance(500)
    expect(t.sent).toEqual(['a', 'a', 'a', 'a'])
    await t.sender.close()
  })

  it('does not send again what is refused for good', async () => {
    const t = trial()
    t.read = ['bad', 'good']
    const error = new Refused('400 what is this')
    t.answers.push(error)
    await t.sender.flush()
    expect(t.sent).toEqual(['good'])
    expect(t.events).toEqual([{ type: 'dropped', target: 'test 1', bytes: 3, error }])
    expect(t.sender.droppedBytes).toBe(3)
    await t.sender.close()
  })

  it('closes in time although the server hangs, and tells what was lost', async () => {
    const t = trial()
    t.answers.push('hang')
    t.read = ['abc', 'defg']
    const closing = t.sender.close()
    await t.clock.advance(200)
    await closing
    expect(t.sender.droppedBytes).toBe(7)
    expect(t.ends).toBe(1)
    expect(t.clock.pendingTimers).toBe(0)
  })

  it('keeps no process alive', () => {
    expect(trial().clock.pendingTimers).toBe(0)
  })

  it('goes on where whoever is told throws', async () => {
    const t = trial()
    t.events.push = () => {
      throw new Error('told')
    }
    t.answers.push(new Error('gone'))
    await t.clock.advance(2_000)
    expect(t.sent).toEqual(['a', 'a'])
    await t.sender.close()
  })
})

describe('batches', () => {
  it.each([
    [[], 10, []],
    [['a', 'b'], 4, ['a\nb\n']],
    [['a', 'b', 'c'], 4, ['a\nb\n', 'c\n']],
    [['ä', 'ä'], 5, ['ä\n', 'ä\n']],
    [['long', 'a'], 3, ['long\n', 'a\n']],
    [['a', 'long', 'a'], 3, ['a\n', 'long\n', 'a\n']],
  ])('of %j, of at most %i bytes, are %j', (lines, maxBytes, expected) => {
    expect(batchesOf(lines, maxBytes)).toEqual(expected)
  })
})
