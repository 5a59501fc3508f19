// What an authorization server says of tokens that strangers show: asked once however many calls bring the same token, remembered for a
// while, and never more questions at a time than it was agreed. Kept under hashes: a heap dump holds nothing that could be shown anywhere.
import { hash } from 'node:crypto'
import type { Awaitable, Failure, Left } from '../../core/index.js'
import { Recent } from '../../store/recent.js'

/** What was said of a token. */
export interface TokenAnswer<V extends object> {
  readonly value: V | Left<Failure>
  /** Until when it is remembered: ms by the wall clock; 0 for not at all. */
  readonly until: number
}

/** Bounds of {@link TokenAnswers}. */
export interface TokenAnswersBounds {
  /** How many answers are remembered, good ones and refusals each. */
  readonly maxRemembered: number
  /** How many tokens are asked about at the same time. */
  readonly maxAsking: number
}

/** A bounded memory of answers, and the questions that are on their way. */
export class TokenAnswers<V extends object> {
  readonly #bounds: TokenAnswersBounds
  // Apart, so that made-up tokens drive out none that are good.
  readonly #good: Recent<TokenAnswer<V>> = new Recent()
  readonly #refused: Recent<TokenAnswer<V>> = new Recent()
  readonly #asking: Map<string, Promise<V | Left<Failure>>> = new Map()

  constructor(bounds: TokenAnswersBounds) {
    this.#bounds = bounds
  }

  /** The answer; `undefined` where there are too many questions. `ask` must not reject. */
  get(token: string, now: number, ask: () => Promise<TokenAnswer<V>>): Awaitable<V | Left<Failure>> | undefined {
    const key = hash('sha256', token, 'base64')
    const known = this.#known(key, now) ?? this.#asking.get(key)
    if (known !== undefined) return known
    if (this.#asking.size >= this.#bounds.maxAsking) return undefined
    const asking = ask().then(answer => {
      this.#asking.delete(key)
      this.#remember(key, answer)
      return answer.value
    })
    this.#asking.set(key, asking)
    return asking
  }

  #known(key: string, now: number): V | Left<Failure> | undefined {
    for (const recent of [this.#good, this.#refused]) {
      const known = recent.get(key)
      if (known !== undefined && now < known.until) return known.value
      if (known !== undefined) recent.delete(key)
    }
    return undefined
  }

  #remember(key: string, answer: TokenAnswer<V>): void {
    const { maxRemembered } = this.#bounds
    if (maxRemembered === 0 || answer.until === 0) return
    const recent = '_tag' in answer.value ? this.#refused : this.#good
    recent.set(key, answer, maxRemembered)
  }
}
