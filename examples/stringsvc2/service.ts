// The business, as in service.go: what it does with strings, and nothing of how it is reached, logged or counted.
import { toUpper } from '../stringsvc1/go-strings.js'

/** What uppercase gives: the text, or why there is none. */
export interface Uppercased {
  readonly v: string
  readonly err?: string
}

export interface StringService {
  uppercase(s: string): Uppercased
  count(s: string): number
}

const errEmpty = 'empty string'

export const stringService: StringService = {
  uppercase: s => (s === '' ? { v: '', err: errEmpty } : { v: toUpper(s) }),
  count: s => Buffer.byteLength(s),
}
