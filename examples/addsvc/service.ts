// The business, as in pkg/addservice: what it does with numbers and strings, in layers of which one logs and one counts. Go's int has 64
// bits, more than a number of JavaScript holds exactly; hence bigints.
import type { Logger } from 'tenon/log'
import type { MetricProvider } from 'tenon/metrics'

/** What came of it: a value, or a rule of the business that was broken. */
export interface Answer<V> {
  readonly v: V
  readonly err?: string
}

export interface AddService {
  sum(a: bigint, b: bigint): Answer<bigint>
  concat(a: string, b: string): Answer<string>
}

const errTwoZeroes = "can't sum two zeroes"
const errIntOverflow = 'integer overflow'
const errMaxSizeExceeded = 'result exceeds maximum size'

const [intMin, intMax] = [-(2n ** 31n), 2n ** 31n - 1n]
const maxLength = 10

const basicService: AddService = {
  sum(a, b) {
    if (a === 0n && b === 0n) return { v: 0n, err: errTwoZeroes }
    // As the original asks: what is beyond an int32 may well be added to something of the other sign.
    const overflows = (b > 0n && a > intMax - b) || (b < 0n && a < intMin - b)
    return overflows ? { v: 0n, err: errIntOverflow } : { v: a + b }
  },
  concat(a, b) {
    const length = Buffer.byteLength(a) + Buffer.byteLength(b)
    return length > maxLength ? { v: '', err: errMaxSizeExceeded } : { v: a + b }
  },
}

/** The service with all its layers. */
export function addService(log: Logger, metrics: MetricProvider): AddService {
  let svc = basicService
  svc = logging(log, svc)
  svc = instrumenting(metrics, svc)
  return svc
}

function logging(log: Logger, next: AddService): AddService {
  return {
    sum(a, b) {
      const { v, err = null } = next.sum(a, b)
      log.info('call', { method: 'Sum', a, b, v, err })
      return err === null ? { v } : { v, err }
    },
    concat(a, b) {
      const { v, err = null } = next.concat(a, b)
      log.info('call', { method: 'Concat', a, b, v, err })
      return err === null ? { v } : { v, err }
    },
  }
}

function instrumenting(metrics: MetricProvider, next: AddService): AddService {
  const ints = metrics.counter({
    name: 'example_addsvc_integers_summed',
    help: 'Total count of integers summed via the Sum method.',
  })
  const chars = metrics.counter({
    name: 'example_addsvc_characters_concatenated',
    help: 'Total count of characters concatenated via the Concat method.',
  })
  return {
    sum(a, b) {
      const answer = next.sum(a, b)
      if (answer.v > 0n) ints.add(Number(answer.v)) // a counter only grows; Go's panics at a negative sum
      return answer
    },
    concat(a, b) {
      const answer = next.concat(a, b)
      chars.add(Buffer.byteLength(answer.v))
      return answer
    },
  }
}
