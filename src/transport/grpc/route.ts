// A path that a server answers: what runs, and how its messages become bytes.
import type { MethodSpec } from '../../contract/index.js'
import type { MessageCodec } from './message-codec.js'

/** One method, ready to be called. */
export interface Route {
  /** `/shop.v1.Orders/Get` */
  readonly path: string
  /** `shop.v1.Orders` */
  readonly service: string
  /** Undefined where no contract declares failures. */
  readonly spec: MethodSpec | undefined
  readonly endpoint: object
  readonly requestStreamed: boolean
  readonly responseStreamed: boolean
  readonly request: Pick<MessageCodec, 'decode'>
  readonly response: Pick<MessageCodec, 'encode'>
  /** The details of declared failures, by tag. */
  readonly failures: ReadonlyMap<string, MessageCodec>
  /** Of a call whose caller names no deadline, in ms. */
  readonly deadlineMs: number
  /** The longest that a caller may name, in ms. */
  readonly maxDeadlineMs: number
}
