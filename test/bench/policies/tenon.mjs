// Tenon's policies, on the path of a call that succeeds, and what it costs to refuse one.
import { call, chain, fromPromise, intercept } from 'tenon'
import * as middleware from 'tenon/middleware'
import { expected, handler } from './work.mjs'

const {
  breaker,
  bulkhead,
  cache,
  fallback,
  hedge,
  rateLimit,
  resilientClient,
  resilientServer,
  retry,
  shed,
  singleFlight,
  timeout,
} = middleware

const method = { service: 'bench.v1.Numbers', name: 'next', idempotency: 'safe' }
const endpoint = fromPromise(handler, method)
const broken = fromPromise(() => new Promise(() => {}), method)

const policies = {
  timeout: () => timeout({ timeoutMs: 1_000 }),
  retry: () => retry({ maxAttempts: 3 }),
  breaker: () => breaker(),
  bulkhead: () => bulkhead({ maxConcurrent: 10 }),
  fallback: () => fallback({ respond: () => 0 }),
  hedge: () => hedge(),
  rateLimit: () => rateLimit({ limit: 1e9, windowMs: 1_000, key: request => request.key }),
  // As many keys as are never remembered: each call is a miss, stores its response and drops another.
  cache: () => cache({ key: request => request.key, ttlMs: 60_000, maxEntries: 1_000 }),
  singleFlight: () => singleFlight({ key: request => request.key }),
  // The loop of the benchmark keeps the event loop busy: that must not be what sheds.
  shed: () => shed({ maxLoopDelayMs: 1e9 }),
  // Its own timeout, since one that the call's deadline makes moot costs less.
  resilientClient: () => resilientClient({ timeout: { timeoutMs: 3_000 } }),
  resilientServer: () => resilientServer({ shed: { maxLoopDelayMs: 1e9 } }),
  'retry, breaker, timeout': () => chain(retry({ maxAttempts: 3 }), breaker(), timeout({ timeoutMs: 1_000 })),
}

/** Policies in a state in which they refuse. */
const refusing = {
  breaker() {
    const open = breaker()
    open.force('open')
    return open
  },
  shed() {
    const full = shed({ initialLimit: 1, minLimit: 1, maxQueue: 0 })
    void call(full(broken), {}, { deadlineMs: 3_600_000 })
    return full
  },
}

export async function contender(policy) {
  const refused = policy.startsWith('refused by ') ? policy.slice('refused by '.length) : undefined
  if (refused !== undefined) return { run: await within(refusing[refused]()(endpoint)), read: readRefusal }
  const wrapped = policies[policy]()(endpoint)
  return {
    run: request => call(wrapped, request),
    bare: request => call(endpoint, request),
    read: result => result.right,
  }
}

function readRefusal(result, request) {
  if (result.left?.ran !== 'no') throw new Error('it was not refused')
  return expected(request)
}

// The way into an endpoint from a call that goes on: what the refusal costs, and not the call around it.
function within(refusing) {
  return new Promise(resolve => {
    const endless = intercept({
      name: 'endless',
      run: (next, _, context) => {
        resolve(request => next(request, context))
        return new Promise(() => {})
      },
    })
    void call(endless(refusing), undefined, { deadlineMs: 3_600_000 })
  })
}
