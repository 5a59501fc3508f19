// logging.go: a service around a service, that writes a line for each call, with the names that Go kit's has.
import type { Logger } from 'tenon/log'
import type { StringService } from './service.js'

export function logging(log: Logger, next: StringService): StringService {
  return {
    uppercase(s) {
      const begin = performance.now()
      const uppercased = next.uppercase(s)
      const { v, err = null } = uppercased
      log.info('call', { method: 'uppercase', input: s, output: v, err, took: since(begin) })
      return uppercased
    },
    count(s) {
      const begin = performance.now()
      const n = next.count(s)
      log.info('call', { method: 'count', input: s, n, took: since(begin) })
      return n
    },
  }
}

/** As Go writes a short duration: `12.5µs`. */
function since(begin: number): string {
  return `${Math.round((performance.now() - begin) * 1_000_000) / 1_000}µs`
}
