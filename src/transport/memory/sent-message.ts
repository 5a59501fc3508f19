// A request on its way from caller to service in one process. A stream is closed when the call ends, and where it fails the
// service is told no more of it than it would be over a network.
import type { MethodSpec, ServedMethod } from '../../contract/index.js'
import { observe } from '../../core/call-error.js'
import { carriedOf } from '../../core/context.js'
import { CallError, type Context, type OnDefect } from '../../core/index.js'
import { gaveUp } from '../request-stream.js'

/** What lies between a caller and a service. */
export interface Wire {
  /** As the caller knows the method. */
  readonly spec: MethodSpec
  readonly served: ServedMethod
  readonly peer: string
  /** Told about defects of the service. */
  readonly onDefect: OnDefect
  /** The message as it arrives. Throws `CallError` for one that cannot be sent. */
  copy(message: unknown): unknown
}

/** A request, and what ends it. */
export interface SentMessage {
  readonly message: unknown
  close(): void
}

/** The request as the service gets it. Throws `CallError` where it cannot be sent. */
export function sentMessage(request: unknown, wire: Wire, context: Context): SentMessage {
  if (!wire.spec.request.streamed) return { message: wire.copy(request), close: () => {} }
  const items = sentItems(request as AsyncIterable<unknown>, wire, context) // a streaming method's request
  return { message: items, close: () => void items.return() }
}

async function* sentItems(
  source: AsyncIterable<unknown>,
  wire: Wire,
  context: Context,
): AsyncGenerator<unknown, void, undefined> {
  const { scope } = carriedOf(context)
  const copied = (item: unknown): unknown => {
    try {
      return wire.copy(item)
    } catch (thrown) {
      observe(scope.onDefect, thrown) // the caller's item, not the stream that it came from
      throw new CallError(gaveUp)
    }
  }
  try {
    for await (const item of source) yield copied(item)
  } catch (thrown) {
    scope.caught(thrown) // tells of a defect
    throw new CallError(gaveUp)
  }
}
