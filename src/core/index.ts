// The core: endpoints, middleware, contexts, failures, time. Runs anywhere; loads nothing.
export type { ActiveSpan, SpanAttributes, SpanValue } from './active-span.js'
export * from './around.js'
export { type Branch, type BranchOptions, branch } from './branch.js'
export * from './call.js'
export { CallError, type OnDefect, reportDefect } from './call-error.js'
export { onCancelled } from './cancel.js'
export { chain } from './chain.js'
export { type Clock, systemClock, type Timer } from './clock.js'
export { type Blame, type Code, codes } from './code.js'
export { Context, extend, httpSourceOf, withOutgoing, withSpan } from './context.js'
export { cookiesOf } from './cookies.js'
export { detached } from './detached.js'
export { isEither, isLeft, isRight, Left, left, Right, right } from './either.js'
export type { Authenticated, Endpoint, Guard, Middleware, Provider, Without } from './endpoint.js'
export { explain } from './explain.js'
export type { ExplainedLayer, Explanation, LintRule } from './explanation.js'
export * from './failure.js'
export type { HttpSource } from './http-source.js'
export type { Entered, Inner, Layer, LayerSource, Next, Remote, RemoteHttp, Rest } from './layer.js'
export { type Finding, lint, misorder } from './lint.js'
export {
  type FailuresOf,
  fromEither,
  fromPromise,
  fromReaderTaskEither,
  fromRemote,
  fromTaskEither,
  methodOf,
  type ResponseOf,
  type Result,
  withMethod,
} from './make.js'
export { type ManualClock, type ManualClockOptions, manualClock } from './manual-clock.js'
export { addMetadata, type Metadata, propagatedNames, traceNames } from './metadata.js'
export type { HttpRoute, Idempotency, MethodInfo, MethodKind } from './method.js'
export { type MockCall, type MockEndpoint, mockEndpoint } from './mock-endpoint.js'
export {
  booleanOption,
  fixed,
  functionOption,
  type NumberRange,
  numberOption,
  type OptionRule,
  type OptionRules,
  objectOption,
  oneOfOption,
  optional,
} from './option-rules.js'
export { type Awaitable, andThen, type Failed, type Outcome } from './outcome.js'
export type { Peer, PeerCertificate } from './peer.js'
export {
  definePolicy,
  type EventDetails,
  type OptionChanges,
  type Policy,
  type PolicyControls,
  type PolicyEvent,
  type PolicyFrame,
  type PolicyOptions,
  type PolicySpec,
} from './policy.js'
export { type Random, seededRandom, systemRandom } from './random.js'
export { type Reason, reasons } from './reasons.js'
export { isSecretName, type Redaction, type RedactionOptions, redactedText, redaction } from './redaction.js'
export { Reply } from './reply.js'
export { type Incoming, type IncomingOptions, incoming, type Starter } from './run.js'
export { type CookieAttributes, clearCookie, setCookie } from './set-cookie.js'
export { type TestContextOptions, testContext } from './test-context.js'
export { traceIdOf } from './trace-id.js'
