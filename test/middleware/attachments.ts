/**
 * What hangs on calls, and what hears when a call is ended: nothing else can see either, since one listener on a signal from outside
 * stands for all calls that were made with it.
 */
import { onTestFinished } from 'vitest'
import { type Dependent, Scope } from '../../src/core/scope.js'

/** Counts from now on, until the test ends. */
export class Attachments {
  readonly #attached: Map<Scope, Set<Dependent>> = new Map()
  /** How often a call was told to end. */
  ends = 0

  constructor() {
    const { attach, detach, end } = Scope.prototype
    const all = this.#attached
    const told = (): void => {
      this.ends++
    }
    Scope.prototype.attach = function (dependent) {
      const own = all.get(this) ?? new Set()
      all.set(this, own.add(dependent))
      attach.call(this, dependent)
    }
    Scope.prototype.detach = function (dependent) {
      const own = all.get(this)
      if (own?.delete(dependent) && own.size === 0) all.delete(this)
      detach.call(this, dependent)
    }
    Scope.prototype.end = function (failure) {
      told()
      end.call(this, failure)
    }
    onTestFinished(() => void Object.assign(Scope.prototype, { attach, detach, end }))
  }

  /** How much hangs on calls that went on when it began to, or later. */
  get count(): number {
    let sum = 0
    for (const { size } of this.#attached.values()) sum += size
    return sum
  }
}
