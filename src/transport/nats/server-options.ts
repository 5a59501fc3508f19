// What may be set on the server over NATS, and what it is when it is not.
import { limit, windowIn } from './limit.js'
import { checkedMicro, type MicroOptions } from './micro.js'

/** Options of `server`. */
export interface NatsServerOptions {
  /** The queue group: of all servers in it, one gets each request. @defaultValue 'tenon' */
  readonly queue?: string
  /** The most calls going on at once; more are refused at once with `TOO_MANY_CALLS`, `ran: 'no'`. @defaultValue 1024 */
  readonly maxCalls?: number
  /** The most bytes of a request; of a stream, of one item. The NATS server has a limit of its own. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number
  /** The most headers of a request. Above: `HEADERS_TOO_LARGE`. @defaultValue 100 */
  readonly maxHeaders?: number
  /** The longest deadline that a caller may ask for, in ms. @defaultValue 300 000; an hour for streams */
  readonly maxDeadlineMs?: number
  /** The most of one request stream that is on its way or waits here to be read, in bytes; the caller waits. 1 KiB to 16 MiB. @defaultValue 256 KiB */
  readonly windowBytes?: number
  /**
   * How often a stream gives a sign of life, in ms; one whose caller is not heard three times as long ends. At least a client's, if
   * that was changed. @defaultValue 5 000
   */
  readonly heartbeatMs?: number
  /**
   * What services say of themselves to `nats micro` and other makers' clients; `false`: nothing. A contract `shop.v1.Orders` is the
   * service `shop_v1_Orders`: their names have no dots. @defaultValue `{}`: names, methods and how they go, and version 0.0.0
   */
  readonly micro?: MicroOptions | false
  /** What inboxes begin with, as on the connection: a user may be allowed no other. @defaultValue '_INBOX' */
  readonly inboxPrefix?: string
}

/** The options, each with a value. */
export type Settings = Required<Omit<NatsServerOptions, 'inboxPrefix'>>

/** The options, each with a value. Throws `RangeError` for limits that make no sense, `TypeError` for a queue that is no name. */
export function settingsOf(options: NatsServerOptions): Settings {
  const { queue = 'tenon' } = options
  if (!/^[^\s.*>]+$/.test(queue)) throw new TypeError(`nats: ${JSON.stringify(queue)} cannot be the name of a queue`)
  return {
    queue,
    micro: checkedMicro(options.micro ?? {}),
    maxCalls: limit('maxCalls', options.maxCalls ?? 1024),
    maxBodyBytes: limit('maxBodyBytes', options.maxBodyBytes ?? 1 << 20),
    maxHeaders: limit('maxHeaders', options.maxHeaders ?? 100),
    maxDeadlineMs: limit('maxDeadlineMs', options.maxDeadlineMs ?? 300_000),
    windowBytes: windowIn(options.windowBytes),
    heartbeatMs: limit('heartbeatMs', options.heartbeatMs ?? 5000),
  }
}
