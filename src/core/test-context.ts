// A context for unit tests: no call is going on in it, so each endpoint that is called with it makes a call of its own.
import type { ActiveSpan } from './active-span.js'
import { type OnDefect, reportDefect } from './call-error.js'
import { type Clock, systemClock } from './clock.js'
import { type Context, makeContext } from './context.js'
import { deadlinesOf } from './deadlines.js'
import { addMetadata, noMetadata } from './metadata.js'
import type { Peer } from './peer.js'
import { Scope } from './scope.js'

/** Options of {@link testContext}. */
export interface TestContextOptions {
  /** @defaultValue systemClock */
  readonly clock?: Clock
  /** Milliseconds from now on the clock. @defaultValue none: each call has its own default */
  readonly deadlineMs?: number
  /** Cancels the calls made with the context. */
  readonly signal?: AbortSignal
  /** What the caller seems to have sent. @defaultValue none */
  readonly metadata?: Readonly<Record<string, string>>
  /** Who seems to call. @defaultValue nothing is known */
  readonly peer?: Peer
  /** @defaultValue 1 */
  readonly attempt?: number
  /** How often those above may attempt the calls made with it. @defaultValue `attempt` */
  readonly maxAttempts?: number
  /** The span that the calls are in. @defaultValue none */
  readonly span?: ActiveSpan
  /** The transport that it seems to have come in by. @defaultValue none */
  readonly transport?: string
  /** @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
}

/** A context to call endpoints with in tests; also the root context of a program that has no server. */
export function testContext(options: TestContextOptions = {}): Context {
  const { clock = systemClock, deadlineMs = Number.POSITIVE_INFINITY, metadata = {}, attempt = 1 } = options
  const { maxAttempts = attempt, span, transport } = options
  if (Number.isNaN(deadlineMs)) throw new RangeError('testContext: deadlineMs must be a number, got NaN')
  const startedAt = clock.now()
  const from = options.peer === undefined ? undefined : { peer: options.peer }
  const { onDefect = reportDefect } = options
  const surroundings = { deadlines: deadlinesOf(clock), onDefect, from, http: undefined }
  const scope = new Scope(surroundings, startedAt, startedAt + deadlineMs)
  scope.external = options.signal
  const inbound = addMetadata(noMetadata, metadata)
  const carried = { attempt, maxAttempts, span, transport, onStatus: undefined }
  return makeContext({ scope, part: scope, metadata: inbound, outgoing: noMetadata, ...carried }, false)
}
