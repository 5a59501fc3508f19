/**
 * A service that is hit by an outage, and what becomes of its calls afterwards, in virtual time. Client, server and transport are the
 * real ones; only what the handler waits for is a model: one worker that does what it is given, first in, first out, and forgets nothing.
 */
import {
  type Clock,
  call,
  chain,
  connect,
  contract,
  type Endpoint,
  fromRemote,
  implement,
  type Middleware,
  manualClock,
  method,
  type Random,
  right,
  seededRandom,
  testContext,
} from 'tenon'
import { resilientClient, resilientServer, retry, retryBudget, timeout } from 'tenon/middleware'
import * as memory from 'tenon/transport/memory'
import { z } from 'zod'

/** The setting of the test, in requests, seconds and ms. */
const setting = {
  capacityPerSecond: 300,
  offeredPerSecond: 280,
  clientTimeoutMs: 1_000,
  outageMs: 10_000,
  beforeMs: 30_000,
  refusalCost: 0.01,
} as const

const workMs = 1_000 / setting.capacityPerSecond

/** What came of the calls that began in one second. */
export interface Second {
  offered: number
  answered: number
}

/** One worker with a queue that has no bound. What it has been given it does, whoever still waits for it. */
class Worker {
  readonly #clock: Clock
  readonly #queue: (() => void)[] = []
  #next = 0
  #isBusy = false
  /** Work that nobody waits for: refusals. */
  #extraMs = 0
  #standsUntil = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get queued(): number {
    return this.#queue.length - this.#next
  }

  work(): Promise<void> {
    return new Promise(resolve => {
      this.#queue.push(resolve)
      if (!this.#isBusy) this.#begin()
    })
  }

  refuse(): void {
    this.#extraMs += workMs * setting.refusalCost
  }

  /** What is accepted from now on, and what is under way, is answered when the time is over. */
  standStill(ms: number): void {
    this.#standsUntil = this.#clock.now() + ms
  }

  #begin(): void {
    const done = this.#queue[this.#next]
    if (done === undefined) return
    this.#isBusy = true
    const tookMs = workMs + this.#extraMs
    this.#extraMs = 0
    this.#clock.setTimer(() => this.#end(done), tookMs)
  }

  #end(done: () => void): void {
    const stillMs = this.#standsUntil - this.#clock.now()
    if (stillMs > 0) {
      this.#clock.setTimer(() => this.#end(done), stillMs)
      return
    }
    this.#isBusy = false
    if (++this.#next === 4_096) {
      this.#queue.splice(0, this.#next)
      this.#next = 0
    }
    done()
    this.#begin()
  }
}

const Stock = contract('shop.v1.Stock', {
  get: method({
    request: z.object({ sku: z.string() }),
    response: z.object({ left: z.number() }),
    idempotency: 'safe',
  }),
})
type Get = Endpoint<{ readonly sku: string }, { readonly left: number }>

/** Who is protected: nobody, one side, or both. On a naive side calls have no deadline and are retried once, without a budget. */
export type Protected = 'none' | 'client' | 'server' | 'both'

function naiveClient(): Middleware {
  const budget = retryBudget({ minPerSecond: Number.POSITIVE_INFINITY })
  return chain(retry({ maxAttempts: 2, baseMs: 0, budget }), timeout({ timeoutMs: setting.clientTimeoutMs }))
}

function steadyClient(random: Random): Middleware {
  return resilientClient({
    timeout: { timeoutMs: setting.clientTimeoutMs },
    retry: { random },
    breaker: { random },
  })
}

function served(worker: Worker, middleware: Middleware): Get {
  const stock = implement(Stock)
    .use(middleware)
    .handlers({
      async get() {
        await worker.work()
        return { left: 7 }
      },
    })
  return connect(Stock, memory.client(stock)).get
}

function guardedServer(worker: Worker): Get {
  const guarded = resilientServer({
    onEvent({ type }) {
      if (type === 'shed' || type === 'expired') worker.refuse()
    },
  })
  return served(worker, guarded)
}

/** Behind a network that carries neither deadlines nor cancellations. */
function naiveServer(worker: Worker): Get {
  const network = () => worker.work().then(() => right({ left: 7 }))
  return fromRemote<{ readonly sku: string }, { readonly left: number }>('network', network, {
    service: 'shop.v1.Stock',
    name: 'get',
    idempotency: 'safe',
  })
}

function endpointFor(side: Protected, worker: Worker, random: Random): Get {
  const server = side === 'server' || side === 'both' ? guardedServer(worker) : naiveServer(worker)
  return (side === 'client' || side === 'both' ? steadyClient(random) : naiveClient())(server)
}

/** What one run showed, second by second; the outage begins at `outageAt`. */
export interface Run {
  readonly seconds: readonly Second[]
  readonly outageAt: number
  readonly recoversAt: number
  /** Share of the calls that were answered, of those that began in a time, in seconds. */
  goodput(time: { readonly from?: number; readonly to?: number }): number
  /** Timers that are still set when everything has ended. */
  readonly timersLeft: number
}

interface Sought {
  readonly seed: number
  readonly afterMs: number
  readonly outageMs?: number
}

/** Runs one side through the outage; of one seed the calls come at the same times, whatever becomes of them. `outageMs` 0 for none. */
export async function simulate(side: Protected, { seed, afterMs, outageMs = setting.outageMs }: Sought): Promise<Run> {
  const { beforeMs, offeredPerSecond } = setting
  const clock = manualClock()
  const worker = new Worker(clock)
  const arrivals = seededRandom(seed)
  const get = endpointFor(side, worker, seededRandom(seed + 1_000))
  const endMs = beforeMs + outageMs + afterMs
  const seconds: Second[] = Array.from({ length: endMs / 1_000 }, () => ({ offered: 0, answered: 0 }))
  const context = testContext({ clock })
  const ask = async () => {
    const second = seconds[Math.floor(clock.now() / 1_000)]
    if (second === undefined) return
    second.offered++
    const outcome = await call(get, { sku: 'tea' }, { context })
    if (outcome._tag === 'Right') second.answered++
  }
  const arrive = () => {
    void ask()
    const gapMs = (-Math.log(1 - arrivals.next()) / offeredPerSecond) * 1_000
    if (clock.now() + gapMs < endMs) clock.setTimer(arrive, gapMs)
  }
  clock.setTimer(arrive, 0)
  clock.setTimer(() => worker.standStill(outageMs), beforeMs)
  await clock.advance(endMs)
  if (side === 'both') await clock.advance(60_000) // what is under way ends; a queue without a bound would take hours
  const outageAt = beforeMs / 1_000
  return {
    seconds,
    outageAt,
    recoversAt: outageAt + outageMs / 1_000,
    timersLeft: clock.pendingTimers,
    goodput({ from, to }) {
      const counted = seconds.slice(from, to)
      return (
        counted.reduce((sum, { answered }) => sum + answered, 0) /
        counted.reduce((sum, { offered }) => sum + offered, 0)
      )
    },
  }
}
