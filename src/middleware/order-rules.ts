// Orders and options of policies that are known to go wrong, as rules for `lint`. Each policy brings those that are about it, so that
// `lint(endpoint)` knows them without being told; docs/policies/order.md says the same at length.
import type { ExplainedLayer, LintRule } from '../core/index.js'
import { mayRetry } from './may-retry.js'

type Steps = readonly ExplainedLayer[]

/** Each pair of which `outer` is further out than `inner`. */
function pairs(
  steps: Steps,
  outer: (step: ExplainedLayer) => boolean,
  inner: (step: ExplainedLayer) => boolean,
): readonly (readonly [outer: ExplainedLayer, inner: ExplainedLayer])[] {
  return steps.flatMap((out, at) =>
    outer(out) ? steps.slice(at + 1).flatMap(within => (inner(within) ? [[out, within] as const] : [])) : [],
  )
}

const is =
  (...roles: readonly string[]) =>
  ({ role }: ExplainedLayer): boolean =>
    roles.includes(role)

/** An option in ms, where it is one. */
function msOf({ options }: ExplainedLayer, name: string): number | undefined {
  const value = options[name]
  return typeof value === 'number' ? value : undefined
}

/** A rule about two kinds of layers of which the first must not be further out. */
function order(
  id: string,
  [outer, inner]: readonly [outer: (step: ExplainedLayer) => boolean, inner: (step: ExplainedLayer) => boolean],
  message: (outer: string, inner: string) => string,
): LintRule {
  return {
    id,
    check: ({ steps }) => pairs(steps, outer, inner).map(([out, within]) => message(out.name, within.name)),
  }
}

/** The time that calls wait for a limiter, and the refusals of one that does not say `ran: 'no'`, would be the service's fault. */
export const limiterInsideBreaker: LintRule = order(
  'limiter-inside-breaker',
  [is('breaker'), is('rateLimit', 'bulkhead', 'shed')],
  (breaker, limiter) =>
    `'${limiter}' is inside '${breaker}': the time that calls wait for it counts as the service being slow, and its refusals count ` +
    `as failures unless they say ran: 'no', so that the breaker cuts off a healthy service. Put '${limiter}' outside '${breaker}'.`,
)

/** Whether calls wait in it, as far as its options tell. */
function queues({ role, options }: ExplainedLayer): boolean {
  return (
    (role === 'bulkhead' && (options['maxQueue'] ?? 0) !== 0) ||
    (role === 'rateLimit' && options['whenLimited'] === 'wait')
  )
}

/** Whether a call is through it at once, or refused: all others may take time, those that are not known included. */
function isPrompt(step: ExplainedLayer): boolean {
  const { role, options } = step
  return is('timeout', 'breaker')(step) || (role === 'bulkhead' && options['maxQueue'] === 0)
}

/** What a call spends outside the breaker would be the service's fault. */
export const timeoutOutsideBreaker: LintRule = {
  id: 'timeout-outside-breaker',
  check({ steps }) {
    const boundsAttempts = steps.some(step => step.role === 'retry' && msOf(step, 'attemptTimeoutMs') !== undefined)
    return pairs(steps, is('timeout'), is('breaker'))
      .filter(([, inner]) => !boundsAttempts && !steps.slice(steps.indexOf(inner)).some(is('timeout')))
      .filter(([outer, inner]) => !steps.slice(steps.indexOf(outer), steps.indexOf(inner)).every(isPrompt))
      .map(
        ([{ name: timeout }, { name: breaker }]) =>
          `'${timeout}' is outside '${breaker}', and no timeout inside: it also measures what a call spends before it gets to the ` +
          `breaker (a queue, a wait between attempts), and the breaker holds that against the service. Put one inside '${breaker}'.`,
      )
  },
}

/** It would count calls where it has to count attempts, unless a breaker further in does that. */
export const retryInsideBreaker: LintRule = {
  id: 'retry-inside-breaker',
  check: ({ steps }) =>
    pairs(steps, is('breaker'), retries)
      .filter(([, retry]) => !steps.slice(steps.indexOf(retry)).some(is('breaker')))
      .map(
        ([{ name: breaker }, { name: retry }]) =>
          `'${retry}' is inside '${breaker}', which counts a call once, however many of its attempts fail, and stops none of them: it ` +
          `opens late, and each probe is several calls of a service that is down. Put '${retry}' outside '${breaker}'.`,
      ),
}

/** An unsafe method would run twice. */
export const retryUnsafe: LintRule = {
  id: 'retry-unsafe',
  check({ steps, method }) {
    if (method !== undefined && method.idempotency !== 'unsafe') return []
    const what =
      method === undefined ? 'a method that is not known' : `${method.service}/${method.name}, which is unsafe`
    return steps
      .filter(({ role, options }) => role === 'retry' && options['shouldRetry'] !== mayRetry)
      .map(
        ({ name }) =>
          `'${name}' decides with a shouldRetry of its own, around ${what}: what may have been done is done again. Combine it with ` +
          `mayRetry, which retries such a method only where it never started, or declare the method idempotent.`,
      )
  },
}

/** The inner one would never end anything. */
export const attemptLongerThanTotal: LintRule = {
  id: 'attempt-longer-than-total',
  check({ steps, method }) {
    const deadlineMs = method?.deadlineMs ?? Number.POSITIVE_INFINITY
    const boundOf = (step: ExplainedLayer): number | undefined =>
      step.role === 'timeout'
        ? msOf(step, 'timeoutMs')
        : step.role === 'retry'
          ? msOf(step, 'attemptTimeoutMs')
          : undefined
    const isBound = (step: ExplainedLayer): boolean => boundOf(step) !== undefined
    const beyondDeadline = steps
      .filter(step => (msOf(step, 'attemptTimeoutMs') ?? 0) >= deadlineMs)
      .map(
        ({ name, options }) =>
          `'${name}' allows an attempt ${options['attemptTimeoutMs']} ms, and calls of ${method?.service}/${method?.name} end after ` +
          `${deadlineMs} ms: an attempt that hangs takes all the time there is and is never retried. Make it shorter.`,
      )
    const beyondTotal = pairs(steps, is('timeout'), isBound)
      .filter(([outer, inner]) => (boundOf(inner) ?? 0) >= (boundOf(outer) ?? Number.POSITIVE_INFINITY))
      .map(
        ([outer, inner]) =>
          `'${inner.name}' allows ${boundOf(inner)} ms inside '${outer.name}', which ends the call after ${boundOf(outer)} ms: it ` +
          `never ends an attempt, so that one that hangs takes all the time there is and is never retried. Make it shorter.`,
      )
    return [...beyondDeadline, ...beyondTotal]
  },
}

/** Whether it attempts a call again when it fails: `retry` does, and a lifted policy with a retry in it. */
function retries({ role, options }: ExplainedLayer): boolean {
  const { lifted } = options
  return role === 'retry' || (role === 'policy' && Array.isArray(lifted) && lifted.includes('retry'))
}

/** Whether both make attempts: ours leave them to whoever is further out and says that there are several; cockatiel's do not ask. */
function multiply(outer: ExplainedLayer, inner: ExplainedLayer): boolean {
  const isTold = outer.role !== 'policy' || outer.options['maxAttempts'] !== 1
  return !isTold || inner.role === 'policy' || inner.options['evenBeneathRetries'] === true
}

/** Attempts would multiply, or the inner retry never retry. */
export const retryAboveRetry: LintRule = {
  id: 'retry-above-retry',
  check: ({ steps }) =>
    pairs(steps, retries, retries).map(([outer, inner]) =>
      multiply(outer, inner)
        ? `'${inner.name}' retries beneath '${outer.name}': attempts multiply, three times three are nine. Keep one of the two.`
        : `'${inner.name}' is beneath '${outer.name}' and therefore never retries. Keep one of the two.`,
    ),
}

/** Each of them leaves further attempts to the other, or both make them. */
export const hedgeWithRetry: LintRule = {
  id: 'hedge-with-retry',
  check({ steps }) {
    const attempts = (step: ExplainedLayer): boolean => retries(step) || step.role === 'hedge'
    return pairs(steps, attempts, attempts)
      .filter(([outer, inner]) => retries(outer) !== retries(inner))
      .map(
        ([outer, inner]) =>
          (multiply(outer, inner)
            ? `'${inner.name}' is beneath '${outer.name}', and both make attempts: they multiply. `
            : `'${inner.name}' is beneath '${outer.name}', which makes attempts already, and therefore does nothing. `) +
          `Keep one of the two: hedge for what is slow now and then, retry for what fails now and then.`,
      )
  },
}

/** The attempt that lost would go on. */
export const hedgeWithoutCancellation: LintRule = {
  id: 'hedge-without-cancellation',
  check: ({ steps }) =>
    pairs(steps, is('hedge'), step => step.ignoresContext === true).map(
      ([{ name: hedge }, { name: leaf }]) =>
        `'${hedge}' is around '${leaf || 'a function'}', which takes no context and so cannot be cancelled: the attempt that lost ` +
        `runs on, and hedging doubles the work where it is slow. Take the context and pass its signal on.`,
    ),
}

/** The second attempt would wait for the first. */
export const hedgeOutsideSingleFlight: LintRule = order(
  'hedge-outside-single-flight',
  [is('hedge'), is('singleFlight', 'collapse')],
  (hedge, shared) =>
    `'${shared}' is inside '${hedge}': the second attempt joins the run of the first and is as slow. Put '${shared}' outside.`,
)

/** A caller who is not let in would see an answer. */
export const fallbackHidesRefusals: LintRule = {
  id: 'fallback-hides-refusals',
  check: ({ steps }) =>
    steps
      .filter(({ role, options }) => role === 'fallback' && options['hidesRefusals'] === true)
      .map(
        ({ name }) =>
          `'${name}' also replaces unauthenticated and permission_denied: a caller who is not let in gets what looks like an ` +
          `answer, and nobody notices that a token has expired. Leave hidesRefusals out.`,
      ),
}

/** Nothing would be tried again. */
export const fallbackInsideRetry: LintRule = order(
  'fallback-inside-retry',
  [retries, is('fallback')],
  (retry, fallback) =>
    `'${fallback}' is inside '${retry}', which then sees an answer where there was a failure and never tries again: one failure that ` +
    `would have passed is answered with what is second best. Put '${fallback}' outside '${retry}'.`,
)

/** What one caller may see would be another's. */
export const sharedOutsideAuthentication: LintRule = order(
  'shared-outside-authentication',
  [is('cache', 'singleFlight', 'collapse', 'idempotencyKey'), is('authenticate', 'authorize')],
  (shared, auth) =>
    `'${shared}' is outside '${auth}': callers get answers before anybody has asked who they are and what they may see. Put ` +
    `'${shared}' inside '${auth}'.`,
)

/** What decides by how long calls take and wait would see neither. */
export const shedInsideQueue: LintRule = {
  id: 'shed-inside-queue',
  check({ steps }) {
    return pairs(steps, queues, is('shed')).map(
      ([{ name: queue }, { name: shed }]) =>
        `'${shed}' is inside '${queue}', where calls wait: it never sees that there are too many of them, so that they wait until ` +
        `their deadlines instead of being refused at once. Put '${shed}' outside.`,
    )
  },
}

/** Each refusal would be made several times. */
export const shedInsideRetry: LintRule = order(
  'shed-inside-retry',
  [retries, is('shed')],
  (retry, shed) =>
    `'${shed}' is inside '${retry}': a process that has too much to do comes back to itself with what it has refused. Put ` +
    `'${shed}' outside, and leave retries to the caller.`,
)

/** A call would stand in its own way. */
export const samePolicyTwice: LintRule = {
  id: 'same-policy-twice',
  check: ({ steps }) =>
    pairs(steps, is('breaker', 'bulkhead', 'rateLimit', 'shed', 'idempotencyKey'), () => true)
      .filter(([outer, inner]) => inner.role === outer.role && inner.options === outer.options) // one object, one policy
      .map(
        ([{ name }]) =>
          `'${name}' is in this stack twice, and has one state for both places: it counts each call twice, and one that needs two places ` +
          `of a limiter, or a key that it has taken itself, is in its own way. Leave one out, or make two.`,
      ),
}

/** All of them: for stacks whose layers are of another make and bring none. */
export const orderRules: readonly LintRule[] = [
  limiterInsideBreaker,
  timeoutOutsideBreaker,
  retryInsideBreaker,
  retryUnsafe,
  attemptLongerThanTotal,
  retryAboveRetry,
  hedgeWithRetry,
  hedgeWithoutCancellation,
  hedgeOutsideSingleFlight,
  fallbackHidesRefusals,
  fallbackInsideRetry,
  sharedOutsideAuthentication,
  shedInsideQueue,
  shedInsideRetry,
  samePolicyTwice,
]
