// What a server is told of a caller's own stream that failed: that it is given up, and not why, which is the caller's business.
import { type Failure, failureOf } from '../core/index.js'

/** The caller's stream threw, or has an item that cannot be written. */
export const gaveUp: Failure = failureOf('cancelled', 'CANCELLED', 'the caller gave up its stream')
