/** A queue that steps through time a millisecond at a time, and sorts instead of searching. What `CodelQueue` is held against. */
import type { QueueLimits } from '../../src/middleware/codel-queue.js'

export class CodelModel {
  calls: { readonly name: string; readonly priority: number; readonly since: number }[] = []
  readonly told: string[] = []
  #now = 0
  #emptyAt = Number.NEGATIVE_INFINITY
  limits: QueueLimits

  constructor(limits: QueueLimits) {
    this.limits = limits
  }

  add(name: string, priority: number): void {
    if (this.calls.length === 0) this.#emptyAt = this.#now
    this.calls.push({ name, priority, since: this.#now })
    while (this.calls.length > this.limits.maxQueue) {
      const [least] = [...this.calls].reverse().sort((a, b) => a.priority - b.priority)
      if (least !== undefined) this.#tell(least.name, 'out')
    }
  }

  /** The next one gets a place if there is one for such as it is. @returns whether somebody did */
  admit(isFree: (priority: number) => boolean = () => true): boolean {
    this.#dropLate()
    const order = this.#isOverloaded ? [...this.calls].reverse() : this.calls
    const [next] = [...order].sort((a, b) => b.priority - a.priority)
    if (next === undefined || !isFree(next.priority)) return false
    this.#tell(next.name, 'in')
    return true
  }

  leave(name: string): void {
    if (this.calls.some(call => call.name === name)) this.#take(name)
  }

  wait(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.#now++
      this.#dropLate()
    }
  }

  get #isOverloaded(): boolean {
    return this.#now - this.#emptyAt >= this.limits.intervalMs
  }

  #dropLate(): void {
    const allowedMs = this.#isOverloaded ? this.limits.targetMs : this.limits.intervalMs
    for (const { name, since } of [...this.calls]) if (this.#now - since >= allowedMs) this.#tell(name, 'out')
  }

  #tell(name: string, what: string): void {
    this.#take(name)
    this.told.push(`${name} ${what}`)
  }

  #take(name: string): void {
    this.calls = this.calls.filter(call => call.name !== name)
    if (this.calls.length === 0) this.#emptyAt = this.#now
  }
}
