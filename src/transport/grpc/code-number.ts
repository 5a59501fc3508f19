// gRPC's status codes: our words are in the order of its numbers.
import { type Code, codes } from '../../core/index.js'

/** gRPC's number of a code: 1 to 16. */
export function numberOfCode(code: Code): number {
  return codes.indexOf(code) + 1
}

/** The code of gRPC's number; `unknown` for any that is none. */
export function codeOfNumber(number: number): Code {
  return codes[number - 1] ?? 'unknown'
}
