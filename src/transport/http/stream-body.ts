// A response stream as lines: items as they come, then how it ended. Ending early (the caller is gone) ends the call.
import { failureToWire, type MethodSpec, type WireFailure } from '../../contract/index.js'
import {
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  type OnDefect,
} from '../../core/index.js'
import type { Framing } from './ndjson.js'
import { closedUnbegun } from './unbegun.js'

/** What {@link streamBody} needs to know. */
export interface StreamInit {
  readonly framing: Framing
  readonly call: Incoming
  readonly spec: MethodSpec
  readonly onDefect: OnDefect
}

/** The text of a stream, line by line. Never throws: a failure is its last line. Left before it was begun, it ends the call too. */
export function streamBody(items: AsyncIterable<unknown>, options: StreamInit): AsyncIterable<string> {
  return closedUnbegun(linesOf(items, options), () => items[Symbol.asyncIterator]().return?.())
}

async function* linesOf(
  items: AsyncIterable<unknown>,
  { framing, call, spec, onDefect }: StreamInit,
): AsyncGenerator<string, void, undefined> {
  const trailers = (): Record<string, string> => Object.fromEntries(call.reply?.trailers ?? [])
  const encoded = encoderFor(framing, onDefect)
  try {
    for await (const item of items) yield encoded(item)
  } catch (thrown) {
    const failure = failureIn(thrown, onDefect)
    yield failed(failureToWire(spec, failure, onDefect))
    return
  }
  yield framing.end(trailers())

  function failed(wire: WireFailure): string {
    try {
      return framing.failure(wire, trailers())
    } catch (defect) {
      onDefect(defect)
      return framing.failure(unencodable, trailers())
    }
  }
}

const unencodable = { code: 'internal', reason: 'UNENCODABLE', message: 'internal error', ran: 'maybe' } as const

function encoderFor(framing: Framing, onDefect: OnDefect): (item: unknown) => string {
  return item => {
    try {
      return framing.item(item)
    } catch (thrown) {
      onDefect(thrown)
      throw new CallError(failureOf('internal', 'UNENCODABLE', 'internal error'))
    }
  }
}

function failureIn(thrown: unknown, onDefect: OnDefect): Failure | DomainFailure {
  if (thrown instanceof CallError) return thrown.failure as Failure | DomainFailure // a call's streams throw nothing else
  onDefect(thrown)
  return failureOf('internal', 'DEFECT', 'internal error')
}
