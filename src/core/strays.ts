// Notices calls that a handler makes without its context: they have a deadline of their own, nobody can cancel them, and their trace
// begins anew. Without ambient context only those can be seen that are made before the handler first waits for something.
import type { MethodInfo } from './method.js'

/** More than a handler has callees; so that a name made of data does not fill the memory. */
const maxNames = 20

let running: Strays | undefined

/** What a function called without its context. */
export class Strays {
  readonly #names: Set<string> = new Set()

  get names(): readonly string[] {
    return [...this.#names]
  }

  add(name: string): void {
    if (this.#names.size < maxNames) this.#names.add(name)
  }
}

/** Who runs right now, and has not waited for anything yet; replaces it, and gives what was there to be put back. */
export function nowRunning(strays: Strays | undefined): Strays | undefined {
  const before = running
  running = strays
  return before
}

/** A call begins that belongs to no other: of a method, or of a function of some name. */
export function noteStray(method: MethodInfo | undefined, name: string): void {
  running?.add(method === undefined ? name || 'an endpoint' : `${method.service}/${method.name}`)
}
