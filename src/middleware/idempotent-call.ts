// One call under an idempotency key: takes the key, runs, keeps the answer; or finds that somebody else has. The key is a lease that is
// renewed while the work goes on, so that a process that died frees it, and each change of it is a compare-and-set from what this very
// run had put there, so that one that was too late changes nothing.

import { carriedOf } from '../core/context.js'
import type { Next } from '../core/index.js'
import {
  branch,
  type Context,
  detached,
  type Failure,
  failureOf,
  isFailure,
  left,
  type MethodInfo,
  type Outcome,
  type Timer,
} from '../core/index.js'
import { closeStream, isStream } from '../core/stream.js'
import type { Store } from '../store/index.js'
import { type AnswerCodec, isAnswered, type Kept, keptOf, lostAnswer, replayed } from './kept-answer.js'
import { wait } from './wait.js'

/** What can become of a call under a key, as events tell. */
export type IdempotencyNote = 'replayed' | 'in-use' | 'reused' | 'not-kept' | 'superseded' | 'store-failed'

/** What an {@link IdempotentCall} works with. */
export interface IdempotentCallInit {
  readonly next: Next
  readonly request: unknown
  readonly context: Context
  readonly method: MethodInfo | undefined
  /** What the store knows the key as. */
  readonly name: string
  readonly fingerprint: string
  readonly store: Store
  readonly codec: AnswerCodec
  readonly ttlMs: number
  readonly leaseMs: number
  readonly pollMs: number
  readonly maxLength: number
  readonly waits: boolean
  readonly shouldKeep: (failure: Failure) => boolean
  readonly tell: (type: IdempotencyNote) => void
}

/** How often in the time of a lease it is renewed, and an answer that could not be kept is tried again. */
const retries = 3

export class IdempotentCall {
  readonly #init: IdempotentCallInit
  readonly #token = crypto.randomUUID()
  readonly #running: string
  #renewal: Timer | undefined
  #isOver = false

  constructor(init: IdempotentCallInit) {
    this.#init = init
    const { fingerprint } = init
    this.#running = JSON.stringify({ token: this.#token, fingerprint } satisfies Kept)
  }

  /** Rejects where the store fails before the call has begun. */
  async run(): Promise<Outcome> {
    const { store, name, leaseMs, context, pollMs } = this.#init
    const { scope } = carriedOf(context)
    let wasFree = false
    while (!(await store.compareAndSet(name, { from: undefined, to: this.#running, ttlMs: leaseMs }))) {
      const text = await store.get(name)
      const outcome = text === undefined ? undefined : this.#known(JSON.parse(text))
      if (outcome !== undefined) return outcome
      // It has just become free: asks at once, but not for ever, since a store may read what is older than what it compares with.
      const isFirst: boolean = text === undefined && !wasFree
      wasFree ||= isFirst
      const ended = isFirst ? scope.ended : await wait(context, pollMs)
      if (ended !== undefined) return left(ended)
    }
    return scope.ended === undefined ? this.#runOnce() : this.#giveBack(scope.ended)
  }

  /** The caller has left while the store was asked: nothing has begun, and whoever comes again begins. */
  async #giveBack(ended: Failure): Promise<Outcome> {
    const { store, name, leaseMs, tell } = this.#init
    try {
      await store.compareAndSet(name, { from: this.#running, to: undefined, ttlMs: leaseMs })
    } catch {
      tell('store-failed')
    }
    return left({ ...ended, ran: 'no' })
  }

  /** What somebody else's call under this key means for this one; undefined: to wait. */
  #known(kept: Kept): Outcome | undefined {
    const { fingerprint, context, codec, waits, tell, pollMs } = this.#init
    if (kept.fingerprint !== fingerprint) {
      tell('reused')
      return left(
        failureOf('invalid_argument', 'IDEMPOTENCY_KEY_REUSED', 'the key was used for another request', { ran: 'no' }),
      )
    }
    if (isAnswered(kept)) {
      tell('replayed')
      return replayed(kept, context.reply, codec)
    }
    if (waits) return undefined
    tell('in-use')
    const message = 'a call with this key is still running'
    return left(failureOf('aborted', 'IDEMPOTENCY_KEY_IN_USE', message, { ran: 'no', retryAfterMs: pollMs }))
  }

  /** Goes on when the caller has left: who comes again with the key wants to know what became of it. */
  async #runOnce(): Promise<Outcome> {
    const { next, request, context } = this.#init
    const own = detached(context)
    const { attempt, maxAttempts, remainingMs } = context
    const bounded = Number.isFinite(remainingMs) ? { deadlineMs: Math.max(1, remainingMs) } : {}
    this.#renewLater()
    const outcome = whole(await branch(own, { attempt, maxAttempts, ...bounded }).run(next, request), own)
    this.#isOver = true
    this.#renewal?.cancel()
    const { scope } = carriedOf(own)
    await this.#keep(outcome, own)
    if (carriedOf(context).scope.ended === undefined) scope.replyIfAny?.copyTo(context.reply)
    return outcome
  }

  #renewLater(): void {
    const { context, leaseMs, store, name, tell } = this.#init
    this.#renewal = context.clock.setTimer(async () => {
      try {
        const change = { to: this.#running, ttlMs: leaseMs }
        const isOurs = await store.compareAndSet(name, { from: this.#running, ...change })
        // A store that was away may have forgotten it, and nobody has taken it since.
        if (!isOurs && (this.#isOver || !(await store.compareAndSet(name, { from: undefined, ...change })))) return
      } catch {
        tell('store-failed')
      }
      if (!this.#isOver) this.#renewLater()
    }, leaseMs / retries)
  }

  async #keep(outcome: Outcome, own: Context): Promise<void> {
    const isFree =
      outcome._tag === 'Left' &&
      isFailure(outcome.left) &&
      !(outcome.left.ran === 'maybe' && this.#init.shouldKeep(outcome.left))
    const to = isFree ? undefined : this.#textOf(outcome, own)
    if (!(await this.#change(to)) && to !== undefined) this.#keepLater(to, retries)
  }

  /** Puts an answer where this run is, or frees the key; false where the store could not be asked. */
  async #change(to: string | undefined): Promise<boolean> {
    const { store, name, ttlMs, tell } = this.#init
    try {
      if (await store.compareAndSet(name, { from: this.#running, to, ttlMs })) return true
      // The lease ran out. Where nobody has taken the key since, the answer is still the only one.
      if (to !== undefined && (await store.compareAndSet(name, { from: undefined, to, ttlMs }))) return true
      if (to === undefined || (await store.get(name)) !== to) tell('superseded') // or an earlier try arrived after all
      return true
    } catch {
      tell('store-failed')
      return false
    }
  }

  /** The store was away when there was an answer: it is there again before the key is free, as a rule. Its caller has not to wait for that. */
  #keepLater(to: string, left: number): void {
    const { context, leaseMs } = this.#init
    const timer = context.clock.setTimer(async () => {
      if (!(await this.#change(to)) && left > 1) this.#keepLater(to, left - 1)
    }, leaseMs / retries)
    timer.keepAlive(false) // whoever ends meanwhile frees the key, as if it had died
  }

  #textOf(outcome: Outcome, own: Context): string {
    const { codec, fingerprint, maxLength, tell } = this.#init
    const head = { token: this.#token, fingerprint }
    try {
      const text = JSON.stringify({
        ...head,
        ...keptOf(outcome, carriedOf(own).scope.replyIfAny, codec),
      } satisfies Kept)
      if (text.length <= maxLength) return text
      throw new RangeError(`it is ${text.length} characters long, and ${maxLength} may be`)
    } catch (thrown) {
      tell('not-kept')
      return JSON.stringify({ ...head, ...lostAnswer(thrown) } satisfies Kept)
    }
  }
}

/** A stream is read once, and cannot be given again. */
function whole(outcome: Outcome, own: Context): Outcome {
  if (outcome._tag === 'Left' || !isStream(outcome.right)) return outcome
  const { scope } = carriedOf(own)
  closeStream(outcome.right, scope.onDefect, () => {})
  return scope.caught(new TypeError('idempotencyKey: a stream cannot be kept'))
}
