// The checks of numbers in the options of this folder.
import { type Limit, limitsOf } from '../limit.js'

/** See {@link limitsOf}. */
export const limit: Limit = limitsOf('nats')

/** The most of one stream that may be on its way, in bytes: what either end may ask for, and what it is given whatever it asks for. */
export const maxWindowBytes: number = 16 << 20

/** The window of a stream, 256 KiB unless it is given. Throws `RangeError` for one that makes no sense. */
export function windowIn(windowBytes: number = 256 << 10): number {
  return limit('windowBytes', windowBytes, 1024, maxWindowBytes)
}
