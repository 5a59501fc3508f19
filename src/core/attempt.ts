// One of several attempts of a call. Less than a branch, since it ends with the call and has neither a deadline nor a signal of its
// own: nearly all calls are attempted once, and should not pay for what the second attempt needs.
import { type Context, carriedOf, makeContext } from './context.js'
import { type Part, tellSettled } from './part.js'
import { Reply } from './reply.js'

/** Which attempt it is, and of how many at most. */
export interface AttemptCount {
  readonly attempt: number
  readonly maxAttempts: number
}

/** An attempt that goes on, until {@link end}. Its fields are private by their type alone: see `Scope`. */
export class Attempt implements Part {
  /** The call's, for what is further in. */
  readonly context: Context
  work = 1
  private readonly outer: Part
  private said: Reply | undefined = undefined
  private isAdopted = false
  private isOver = false
  private isSettled = false
  private onSettled: (() => void)[] | undefined = undefined

  constructor(context: Context, { attempt, maxAttempts }: AttemptCount) {
    const { scope, part, metadata, outgoing, span, transport, onStatus } = carriedOf(context)
    part.hold()
    this.outer = part
    const carried = { scope, part: this, metadata, outgoing, attempt, maxAttempts, span, transport, onStatus }
    this.context = makeContext(carried, true, context)
  }

  /** What a failed attempt says is never sent: it is kept until {@link adopt}. */
  get reply(): Reply {
    if (this.isAdopted) return this.outer.reply
    this.said ??= new Reply()
    return this.said
  }

  /** It is the one that counts: what was and what will be said in it is what the call says. */
  adopt(): void {
    if (this.isAdopted) return
    this.isAdopted = true
    this.said?.join(this.outer.reply)
  }

  /** What it comes to is known. */
  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.release()
  }

  hold(): void {
    this.work++
  }

  release(): void {
    if (--this.work > 0 || this.isSettled) return
    this.isSettled = true
    if (this.onSettled !== undefined) tellSettled(this.onSettled, carriedOf(this.context).scope.onDefect)
    this.outer.release()
  }

  settled(callback: () => void): void {
    if (!this.isSettled) {
      this.onSettled ??= []
      this.onSettled.push(callback)
    } else callback()
  }
}
