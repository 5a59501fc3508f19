// What a process holds and must let go of at its end, with a name, so that the one that hangs can be told from the others.
import type { Awaitable } from '../core/index.js'

/** Something that is disposed of last, with a name for events. */
export interface Resource extends AsyncDisposable {
  /** `database` */
  readonly name: string
}

/**
 * A resource from a function that closes it, for the many libraries that know nothing of `Symbol.asyncDispose`.
 *
 * @example
 * ```ts
 * import { resource } from 'tenon/lifecycle'
 *
 * const pool = { async end() {} }
 * const resources = [resource('database', () => pool.end())]
 * console.assert(resources[0]?.name === 'database')
 * ```
 */
export function resource(name: string, close: () => Awaitable<unknown>): Resource {
  return {
    name,
    async [Symbol.asyncDispose]() {
      await close()
    },
  }
}

/** What events call a resource: its own name, its class, or where it stands in the list. */
export function resourceName(given: AsyncDisposable, index: number): string {
  const name: unknown = Reflect.get(given, 'name')
  if (typeof name === 'string' && name !== '') return name
  const made: unknown = Reflect.get(given, 'constructor')
  return typeof made === 'function' && made !== Object && made.name !== '' ? made.name : `resource ${index + 1}`
}
