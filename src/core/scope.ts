// The lifetime of one call: its deadline, its cancellation, and what hangs on them. A tree linked by hand, because
// AbortController and AbortSignal.any cost 5 to 25 µs each and most calls never look at their signal.
import { CallError, fromThrown, isAbortError, type OnDefect } from './call-error.js'
import type { Clock } from './clock.js'
import { Alarm, type Bucket, type Deadlines, type Expiring } from './deadlines.js'
import { type Left, left, right } from './either.js'
import { type DomainFailure, type Failure, failureOf } from './failure.js'
import type { HttpSource } from './http-source.js'
import { linkToSignal } from './link.js'
import type { Awaitable, Outcome } from './outcome.js'
import { closeLate, type Part, tellSettled } from './part.js'
import { noPeer, type Peer } from './peer.js'
import type { Receiver } from './receiver.js'
import { Reply } from './reply.js'
import { CallStream, isStream } from './stream.js'

/** Something that ends early when the call does: a child call, or layers that wait for their `exit`. */
export interface Dependent {
  newer: Dependent | undefined
  older: Dependent | undefined
  end(failure: Failure): void
  /** Goes on when the call has ended in the ordinary way before it did; its deadline and cancellation still hold. */
  readonly outlives: boolean
}

/** What a call shares with those made within it. */
export interface Surroundings {
  readonly deadlines: Deadlines
  readonly onDefect: OnDefect
  /** Knows who calls; asked only when somebody wants to know. */
  readonly from: { readonly peer: Peer } | undefined
  /** Of a call that came over HTTP. */
  readonly http: HttpSource | undefined
}

/** A call, or a part of one, that ends at its deadline. */
export interface Late {
  /** Runs `callback` when its work has really ended. */
  settled(callback: () => void): void
}

/** What a part of a call has of its own, if anything. */
export interface PartInit {
  /** What is said beside the response is not the call's. @defaultValue false */
  readonly ownReply?: boolean
  /** What it fails with at a deadline that is not the call's. @defaultValue `DEADLINE_EXCEEDED` */
  readonly tooLate?: ((late: Late) => Failure) | undefined
}

/** What a scope is made within. */
interface Around {
  readonly scope: Scope
  /** Of that scope, or it. */
  readonly part: Part
}

/**
 * Made for each call: no class is beneath it, since allocating one that is derived takes several times as long. What is private is so by
 * its type alone: `#` would take twice the bytecode, of which the engine puts only so much into one function.
 */
export class Scope implements Expiring, Dependent, Receiver, Part {
  readonly deadline: number
  readonly surroundings: Surroundings
  /** From outside: ends the calls in this scope. */
  external: AbortSignal | undefined = undefined
  newer: Dependent | undefined = undefined
  older: Dependent | undefined = undefined
  nextExpiring: Expiring | undefined = undefined
  previousExpiring: Expiring | undefined = undefined
  bucket: Bucket | undefined = undefined
  /** How many stacks have run here: tells whether anything of ours ran beneath an opaque function. */
  runs = 0
  /** A call goes on here, or has: false where the scope only waits for calls to be made in it. */
  running = false
  /** Its deadline is kept: by itself or by its parent's. */
  timed = false
  /** How much work goes on in the call, the call itself included. */
  work = 0

  private readonly startedAt: number
  readonly parent: Scope | undefined
  /** The part of its parent that it is in: its parent itself, or an attempt. */
  private readonly within: Part | undefined
  /** Who gets the outcome, of a part of a call. */
  private outer: Receiver | undefined = undefined
  /** What that came to, of a part that ended early. */
  private answer: Awaitable<Outcome> | undefined = undefined
  /** Its stack is on its way in, and nothing has waited yet: the time is that of the start. */
  private isStarting = false
  private newest: Dependent | undefined = undefined
  private unlink: (() => void)[] | undefined = undefined
  private isOver = false
  /** Out of the tree, since neither the call nor anything that depends on it goes on. */
  private hasLeft = false
  private endedWith: Failure | undefined = undefined
  private controller: AbortController | undefined = undefined
  private promised: Promise<Outcome> | undefined = undefined
  private resolve: ((outcome: Awaitable<Outcome>) => void) | undefined = undefined
  private stream: CallStream | undefined = undefined
  private isWorkOfParent = false
  private isSettled = false
  private onSettled: (() => void)[] | undefined = undefined
  private said: Reply | undefined = undefined
  private sharesReply = false
  private tooLate: (late: Late) => Failure = tooLate

  constructor(surroundings: Surroundings, startedAt: number, deadline: number, around?: Around) {
    this.surroundings = surroundings
    this.startedAt = startedAt
    this.deadline = deadline
    this.parent = around?.scope
    this.within = around?.part
  }

  get deadlines(): Deadlines {
    return this.surroundings.deadlines
  }

  get onDefect(): OnDefect {
    return this.surroundings.onDefect
  }

  get clock(): Clock {
    return this.deadlines.clock
  }

  get outlives(): boolean {
    return true
  }

  /**
   * The time, for those who enter: as long as nobody has waited it is the time of the start, since reading a clock is most of what a
   * policy costs.
   */
  get enteredAt(): number {
    return this.isStarting ? this.startedAt : this.clock.now()
  }

  /** A scope within `part` of the call: ends `deadlineMs` from now, or with the call. */
  inner(deadlineMs: number | undefined, { ownReply, tooLate }: PartInit, part: Part): Scope {
    // One that ends with the call need not know the time: the call does.
    const startedAt = deadlineMs !== undefined || this.isStarting ? this.enteredAt : Number.NEGATIVE_INFINITY
    const until = deadlineMs === undefined ? this.deadline : startedAt + deadlineMs
    const inner = new Scope(this.surroundings, startedAt, Math.min(until, this.deadline), { scope: this, part })
    inner.sharesReply = ownReply !== true
    if (tooLate !== undefined && until < this.deadline) inner.tooLate = tooLate
    return inner
  }

  /** Whether it was made within `scope`, and waits to be begun. */
  isPartOf(scope: Scope): boolean {
    return this.parent === scope && !this.running
  }

  /** Why the call ended early, if it did; of a call that ended in time, why the one around it did. */
  get ended(): Failure | undefined {
    return this.endedWith ?? (this.hasLeft ? this.parent?.ended : undefined)
  }

  get peer(): Peer {
    return this.surroundings.from?.peer ?? noPeer
  }

  get reply(): Reply {
    if (this.sharesReply && this.within !== undefined) return this.within.reply
    this.said ??= new Reply()
    return this.said
  }

  get replyIfAny(): Reply | undefined {
    return this.said
  }

  /** What was and what will be said here is the parent's from now on. */
  shareReply(): void {
    this.sharesReply = true
    if (this.within !== undefined) this.said?.join(this.within.reply)
  }

  /** Made when first read. A scope in which no call runs hands on the signal it was given. */
  get signal(): AbortSignal {
    if (!this.running && this.external !== undefined) return this.external
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.endedWith !== undefined) this.controller.abort(new CallError(this.endedWith))
    }
    return this.controller.signal
  }

  /** Starts the call, unless it is over before it begins: then says why. `outer` gets its outcome, of a part of a call. */
  begin(outer?: Receiver): Failure | undefined {
    const parent = this.parent
    const ended = this.endedWith ?? parent?.ended
    if (ended !== undefined) return { ...ended, ran: 'no' }
    if (this.deadline <= this.startedAt)
      return failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the deadline has passed', { ran: 'no' })
    this.running = true
    this.isStarting = this.startedAt !== Number.NEGATIVE_INFINITY
    this.outer = outer
    this.work = 1
    if (parent?.running) {
      this.isWorkOfParent = true
      this.within?.hold()
    }
    this.join()
    this.link(this.external)
    if (parent !== undefined && parent.unlink === undefined) this.link(parent.external) // else its parent ends it
    if (this.endedWith !== undefined) {
      this.release()
      return { ...this.endedWith, ran: 'no' }
    }
    return undefined
  }

  /** What began it has returned: from here on time passes. */
  hasBegun(): void {
    this.isStarting = false
  }

  private join(): void {
    const parent = this.parent
    this.hasLeft = false
    if (parent?.running) parent.attach(this)
    if (parent?.timed && parent.deadline <= this.deadline) this.timed = true
    else this.expireInTime()
  }

  /** What something thrown in this call means. Once the call has ended early, an AbortError is no defect but obedience. */
  caught(thrown: unknown): Left<Failure | DomainFailure> {
    const obeyed = this.endedWith !== undefined && isAbortError(thrown)
    return fromThrown(thrown, obeyed ? () => {} : this.onDefect)
  }

  private link(signal: AbortSignal | undefined): void {
    if (signal === undefined || this.endedWith !== undefined) return
    this.unlink ??= []
    this.unlink.push(linkToSignal(signal, this))
  }

  private expireInTime(): void {
    if (this.deadline === Number.POSITIVE_INFINITY) return
    this.deadlines.add(this)
    this.timed = true
  }

  /** The outcome of the call, for work that tells it to {@link complete}. Made when first asked for. */
  promise(): Promise<Outcome> {
    if (this.answer !== undefined) return Promise.resolve(this.answer)
    const others = this.outer?.promise()
    if (others !== undefined) return others
    this.promised ??= new Promise(resolve => {
      if (this.endedWith === undefined) this.resolve = resolve
      else resolve(left(this.endedWith))
    })
    return this.promised
  }

  private give(outcome: Outcome): Awaitable<Outcome> {
    const given = this.outer === undefined ? outcome : this.outer.complete(outcome)
    this.resolve?.(given)
    this.resolve = undefined
    return given
  }

  /** The outcome of work that is still going on: its own, or that of the call's early end if that comes first. */
  race(work: Promise<Outcome>): Promise<Outcome> {
    const promise = this.promise()
    void work.then(outcome => this.complete(outcome))
    return promise
  }

  /** The work has ended, or has turned into a stream. Returns what the caller gets. */
  complete(outcome: Outcome): Awaitable<Outcome> {
    const response = outcome._tag === 'Right' ? outcome.right : undefined
    if (this.endedWith !== undefined) {
      if (isStream(response)) closeLate(response, this, this.onDefect)
      this.release()
      return this.answer ?? left(this.endedWith)
    }
    if (isStream(response)) return this.open(response)
    this.finish()
    this.release() // first: those further out look whether it still works
    return this.give(outcome)
  }

  private open(source: AsyncIterable<unknown>): Awaitable<Outcome> {
    const stream = new CallStream(source, {
      onDefect: this.onDefect,
      onEnd: (outcome, abandoned) => {
        if (!abandoned || outcome._tag === 'Right') return this.finish()
        this.endWith(outcome.left as Failure) // abandoning always gives a Failure
        if (this.deadline !== Number.POSITIVE_INFINITY) this.deadlines.add(patience)
      },
      onReleased: () => {
        this.deadlines.remove(patience)
        this.release()
      },
    })
    // The call of an abandoned stream is over, but whoever left it waits for its source to close.
    const patience = new Alarm(this.deadline, () => stream.giveUp(this.tooLate(this)))
    this.stream = stream
    return this.give(right(stream))
  }

  private finish(): void {
    if (this.isOver) return
    this.isOver = true
    for (let dependent = this.newest; dependent !== undefined; ) {
      const { older } = dependent
      if (!dependent.outlives) this.detach(dependent)
      dependent = older
    }
    if (this.newest === undefined) this.leave()
  }

  private leave(): void {
    if (this.hasLeft) return
    this.hasLeft = true
    if (this.bucket !== undefined) this.deadlines.remove(this)
    if (this.parent?.running) this.parent.detach(this)
    if (this.unlink !== undefined) this.unlinkAll(this.unlink)
  }

  private unlinkAll(links: readonly (() => void)[]): void {
    this.unlink = undefined
    for (const unlink of links) unlink()
  }

  /** Ends the call before its work is done: answers, aborts, and lets the layers exit, innermost first. */
  end(failure: Failure): void {
    const isOver = this.isOver
    this.endWith(failure)
    if (isOver) return
    if (this.stream === undefined) this.answer = this.give(left(failure))
    else this.stream.fail(failure)
  }

  private endWith(failure: Failure): void {
    if (this.hasLeft) return
    this.isOver = true
    this.endedWith = failure
    this.leave()
    this.controller?.abort(new CallError(failure))
    for (let dependent = this.newest; dependent !== undefined; dependent = this.newest) {
      this.detach(dependent)
      dependent.end(failure)
    }
  }

  expire(): void {
    this.end(this.tooLate(this))
  }

  /** Also for what begins when the call has been answered: it still ends with the call's deadline. */
  attach(dependent: Dependent): void {
    if (this.hasLeft) this.join()
    dependent.older = this.newest
    if (this.newest !== undefined) this.newest.newer = dependent
    this.newest = dependent
  }

  /** Does nothing for one that is not attached. */
  detach(dependent: Dependent): void {
    if (dependent.newer !== undefined) dependent.newer.older = dependent.older
    else if (this.newest === dependent) this.newest = dependent.older
    else return
    if (dependent.older !== undefined) dependent.older.newer = dependent.newer
    dependent.newer = undefined
    dependent.older = undefined
    if (this.isOver && this.newest === undefined) this.leave()
  }

  /** Runs `callback` when all work that began in this call has really ended, which may be long after the call. */
  settled(callback: () => void): void {
    if (this.work > 0 && !this.isSettled) {
      this.onSettled ??= []
      this.onSettled.push(callback)
    } else callback()
  }

  /** Some work has begun; {@link release} says when it ends. */
  hold(): void {
    this.work++
  }

  /** What was held has ended. The last one settles the call, for good. */
  release(): void {
    if (--this.work > 0 || this.isSettled) return
    this.isSettled = true
    if (this.onSettled !== undefined) tellSettled(this.onSettled, this.onDefect)
    this.onSettled = undefined
    if (this.isWorkOfParent) this.within?.release()
  }
}

function tooLate(): Failure {
  return failureOf('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the call took longer than its deadline allows')
}
