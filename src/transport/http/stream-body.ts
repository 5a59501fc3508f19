// A response stream as lines: items as they come, then how it ended. Ending early (the caller is gone) ends the call.
import { failureToWire, type MethodSpec } from '../../contract/index.js'
import {
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  type OnDefect,
} from '../../core/index.js'
import type { Framing } from './ndjson.js'

/** What {@link streamBody} needs to know. */
export interface StreamInit {
  readonly framing: Framing
  readonly call: Incoming
  readonly spec: MethodSpec
  readonly onDefect: OnDefect
}

/** The text of a stream, line by line. Never throws: a failure is its last line. */
export async function* streamBody(
  items: AsyncIterable<unknown>,
  options: StreamInit,
): AsyncGenerator<string, void, undefined> {
  const { framing, call, spec, onDefect } = options
  const trailers = (): Record<string, string> => Object.fromEntries(call.reply?.trailers ?? [])
  try {
    for await (const item of items) yield framing.item(item)
  } catch (thrown) {
    const failure = failureIn(thrown, onDefect)
    yield framing.failure(failureToWire(spec, failure, onDefect), trailers())
    return
  }
  yield framing.end(trailers())
}

function failureIn(thrown: unknown, onDefect: OnDefect): Failure | DomainFailure {
  if (thrown instanceof CallError) return thrown.failure as Failure | DomainFailure // a call's streams throw nothing else
  onDefect(thrown)
  return failureOf('internal', 'DEFECT', 'internal error')
}
