/** What is counted beside the policies of a random stack: layers right outside and right inside of them look at each call. */
import { around, chain, isFailure, type ManualClock, type Middleware, type Outcome } from '../../src/core/index.js'

/** The calls that a request is of: inside `collapse` several. */
export const idsOf = (request: unknown): readonly number[] => (Array.isArray(request) ? request : [Number(request)])
export const firstOf = (request: unknown): number => idsOf(request)[0] ?? Number.NaN

/** The key of a call among so many. */
export const keyAmong = (keys: number, request: unknown): string => `${keys}/${firstOf(request) % keys}`

/** What a limiter tells of a call that it refused. */
interface Refused {
  readonly type: string
  readonly key?: string
}

/** Counts how often a layer is told of the end of a call, which a promise would not tell: it settles once whatever happens. */
export function countEnds() {
  /** Of each call that has come by a place in the stack. */
  const of: { count: number }[] = []
  const layer: Middleware = around<{ count: number }>({
    name: 'countEnds',
    enter() {
      const state = { count: 0 }
      of.push(state)
      return { state }
    },
    exit: (_, state) => void state.count++,
  })
  return { layer, of }
}

export class Counts {
  readonly clock: ManualClock
  /** When options changed last: until the clock moves on, calls may be on their way that were let in before. */
  changedAt = Number.NaN
  passes = 0
  retries = 0
  /** Calls that would have been retried if the budget had allowed it. */
  unpaid = 0
  /** Whatever may not happen, in words. */
  readonly wrongs: string[] = []

  constructor(clock: ManualClock) {
    this.clock = clock
  }

  readonly countPasses: Middleware = around({ name: 'countPasses', enter: () => void this.passes++ })

  /** Looks, beneath whoever makes attempts, whether there are more than it told of. */
  readonly countAttempts: Middleware = around({
    name: 'countAttempts',
    enter: ({ attempt, maxAttempts }) => {
      if (attempt > maxAttempts) this.wrongs.push(`attempt ${attempt} of ${maxAttempts}`)
    },
  })

  /** Looks from inside a limiter of concurrency: never more than `allowed` at once with one key, unless fewer are allowed since. */
  countPlaces(allowed: () => number, keyOf: (request: unknown) => string): Middleware {
    const inside = new Map<string, number>()
    return around<string>({
      name: 'countPlaces',
      enter: (_, request) => {
        const key = keyOf(request)
        const count = (inside.get(key) ?? 0) + 1
        inside.set(key, count)
        if (count > allowed() && this.clock.now() > this.changedAt)
          this.wrongs.push(`${count} of ${key} at once, where ${allowed()} may be`)
        return { state: key }
      },
      settled: key => void inside.set(key, (inside.get(key) ?? 0) - 1),
    })
  }

  /**
   * Looks from outside a limiter with keys: a call is refused because of others with its key. `memoryMs`: how long a call counts after it
   * has ended; 0: not.
   */
  countOthers(keyOf: (request: unknown) => string | undefined, memoryMs: number) {
    const present = new Map<string | undefined, number>()
    const endedAt = new Map<string | undefined, number>()
    const layer = around<string | undefined>({
      name: 'countOthers',
      enter: (_, request) => {
        const key = keyOf(request)
        present.set(key, (present.get(key) ?? 0) + 1)
        return { state: key }
      },
      settled: key => {
        present.set(key, (present.get(key) ?? 0) - 1)
        if (memoryMs > 0) endedAt.set(key, this.clock.now())
      },
    })
    const refused = ({ type, key }: Refused): void => {
      if (type !== 'refused') return
      const isRecent = this.clock.now() - (endedAt.get(key) ?? Number.NEGATIVE_INFINITY) <= memoryMs
      if ((present.get(key) ?? 0) < 2 && !(memoryMs > 0 && isRecent))
        this.wrongs.push(`${key} refused, and there is no other`)
    }
    return { layer, refused }
  }

  /** Looks from inside a limit: in any window, not more of one key than the burst and what comes while it lasts. */
  countTaken(most: () => number, windowMs: number, keyOf: (request: unknown) => string) {
    const taken = new Map<string, number[]>()
    const layer = around({
      name: 'countTaken',
      enter: (_, request) => {
        const key = keyOf(request)
        const now = this.clock.now()
        const recent = [...(taken.get(key) ?? []), now].filter(at => at > now - windowMs)
        taken.set(key, recent)
        if (recent.length > 2 * most()) this.wrongs.push(`${recent.length} of ${key} in a window`)
      },
    })
    /** A key that was forgotten begins anew. */
    const forget = ({ type, key }: Refused): void => {
      if (type === 'evicted' && key !== undefined) taken.delete(key)
    }
    return { layer, forget }
  }

  /** Looks on both sides of what shares responses: one is only for calls that had a key in common with the one that it was of. */
  sameKey(shares: Middleware, haveKey: (one: number, other: number) => boolean): Middleware {
    const of = new WeakMap<object, number[]>()
    const responseOf = (outcome: Outcome): object | undefined =>
      outcome._tag === 'Right' && typeof outcome.right === 'object' && outcome.right !== null
        ? outcome.right
        : undefined
    const looker = (look: (response: object, id: number) => void): Middleware =>
      around<number>({
        name: 'sameKey',
        enter: (_, request) => ({ state: firstOf(request) }),
        exit: (outcome, id) => {
          const response = responseOf(outcome)
          if (response !== undefined) look(response, id)
        },
      })
    const outside = looker((response, id) => {
      if (!(of.get(response) ?? []).some(other => haveKey(id, other)))
        this.wrongs.push(`${id} got the answer of another`)
    })
    const inside = looker((response, id) => void of.set(response, [...(of.get(response) ?? []), id]))
    return chain(outside, shares, inside)
  }

  /** Looks from inside `idempotencyKey` whether it runs a key once: no other run at that time, and no answer. */
  countKeys(keyOf: (request: unknown) => string | undefined): Middleware {
    const taken = new Set<string>()
    const isAnswer = (outcome: Outcome) =>
      outcome._tag === 'Right' || !isFailure(outcome.left) || outcome.left.ran === 'maybe'
    return around<string | undefined>({
      name: 'countKeys',
      enter: (_, request) => {
        const key = keyOf(request)
        if (key === undefined) return undefined
        if (taken.has(key)) this.wrongs.push(`${key} has run twice`)
        taken.add(key)
        return { state: key }
      },
      exit: (outcome, key) => void (key !== undefined && !isAnswer(outcome) && taken.delete(key)),
    })
  }
}
