// How a process stops without losing calls. The order is the one that Kubernetes needs: its endpoints learn of a stop only
// after the process does, so readiness goes first and the listening sockets go last.
import type { Listening } from '../contract/index.js'
import type { Clock } from '../core/index.js'
import { flushLines } from '../log/at-exit.js'
import type { ForcedBy, LifecycleEvent, OnLifecycleEvent, StopSignal } from './event.js'
import { resourceName } from './resource.js'
import { attempt, type Latch, latch, within } from './within.js'

/** What {@link Stop} works with. */
export interface Stoppable {
  /** Who listens by now; grows while starting. */
  readonly open: readonly { readonly name: string; readonly listening: Listening }[]
  readonly resources: readonly AsyncDisposable[]
  readonly graceMs: number
  readonly closeTimeoutMs: number
  readonly clock: Clock
  readonly onEvent: OnLifecycleEvent
}

/** How it went: `stopped`, as an event. */
export type Stopped = Extract<LifecycleEvent, { readonly type: 'stopped' }>

/** Stops once, however often it is asked; it never rejects, and every wait in it has a limit. */
export class Stop {
  readonly #given: Stoppable
  readonly #cut: Latch = latch()
  readonly #begun: Latch = latch()
  readonly #ended: Latch<Stopped> = latch()
  #hasBegun = false
  #forcedBy: ForcedBy | undefined

  constructor(given: Stoppable) {
    this.#given = given
  }

  /** Resolves when a stop has begun. */
  get begun(): Promise<void> {
    return this.#begun.opened
  }

  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Resolves when everything is closed. */
  get ended(): Promise<Stopped> {
    return this.#ended.opened
  }

  /** Begins, or joins what has begun. */
  drain(delayMs: number, signal?: StopSignal): Promise<Stopped> {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      this.#begun.open()
      void this.#run(delayMs, signal).then(this.#ended.open)
    }
    return this.ended
  }

  /** Begins if need be, and waits for no call from here on. */
  force(by: ForcedBy): Promise<Stopped> {
    this.#forcedBy ??= by
    this.#cut.open()
    return this.drain(0)
  }

  async #run(delayMs: number, signal: StopSignal | undefined): Promise<Stopped> {
    const { clock, onEvent, open, resources } = this.#given
    // What never was ready does not cease to be, and who called is told by the rejection.
    if (this.#forcedBy !== 'start') onEvent({ type: 'draining', delayMs, ...(signal === undefined ? {} : { signal }) })
    if (delayMs > 0) await within(this.#cut.opened, delayMs, clock)
    const left = await this.#finishCalls()
    const forced = left.length > 0
    if (forced) onEvent({ type: 'forced', by: this.#forcedBy ?? 'failure', bindings: left })
    const closed = await Promise.all(open.map(({ name, listening }) => this.#close(name, () => listening.close())))
    for (const [index, each] of [...resources.entries()].reverse()) {
      closed.push(await this.#close(resourceName(each, index), () => each[Symbol.asyncDispose]()))
    }
    const stopped: Stopped = { type: 'stopped', forced, failed: closed.filter(well => !well).length }
    onEvent(stopped)
    flushLines() // what was logged until here, this event included
    return stopped
  }

  /** The bindings of which calls are, or may be, left when the time is over. */
  async #finishCalls(): Promise<readonly string[]> {
    const { clock, graceMs, onEvent, open } = this.#given
    const left = new Set(open)
    if (this.#forcedBy === undefined) {
      const drains = open.map(async each => {
        try {
          await each.listening.drain()
        } catch (cause) {
          onEvent({ type: 'close-failed', what: each.name, cause })
          return // what it still holds is cut off
        }
        if (left.delete(each)) onEvent({ type: 'drained', binding: each.name })
      })
      onEvent({ type: 'stopped-accepting', graceMs })
      const ended = await within(Promise.race([Promise.all(drains), this.#cut.opened]), graceMs, clock)
      this.#forcedBy ??= ended ? 'failure' : 'grace' // if anything is left at all
    }
    const names = [...left].filter(({ listening }) => listening.callsInFlight !== 0).map(({ name }) => name)
    left.clear() // a drain that ends after this was not a drain
    return names
  }

  /** Whether it closed well and in time. */
  async #close(what: string, close: () => PromiseLike<void>): Promise<boolean> {
    const { clock, closeTimeoutMs, onEvent } = this.#given
    let failure: { readonly cause: unknown } | undefined
    const work = attempt(close).catch(cause => {
      failure = { cause }
    })
    if (!(await within(work, closeTimeoutMs, clock)))
      failure = { cause: new Error(`not closed after ${closeTimeoutMs} ms`) }
    if (failure !== undefined) onEvent({ type: 'close-failed', what, ...failure })
    return failure === undefined
  }
}
