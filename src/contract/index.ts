// Contracts: what a service offers, independent of how it is reached.
export type * from './binding.js'
export { type Client, type ClientEndpoint, connect } from './connect.js'
export { type Contract, type ContractOptions, contract, type FailureMakers } from './contract.js'
export { diff } from './diff.js'
export type { Change } from './diff-pair.js'
export type { TextField } from './fields.js'
export type { FileField, FormKind, FormRule } from './form-rule.js'
export type { HttpRule } from './http-rule.js'
export { type Handler, implement, type ServerEndpoint, type Service } from './implement.js'
export type { JsonSchema, ToJsonSchema } from './json-schema.js'
export {
  type AnyMethod,
  type DomainInput,
  type DomainOutput,
  type FailureDef,
  failure,
  type HttpBinding,
  type Method,
  method,
  type RawBody,
  type RequestInput,
  type RequestOutput,
  type ResponseInput,
  type ResponseOutput,
} from './method.js'
export { type Described, type OpenApiOptions, openapi } from './openapi.js'
export { type ProtoFiles, type ProtoOptions, proto } from './proto.js'
export type { LockedField, LockedMessage, LockedMethod, ProtoLock } from './proto-lock.js'
export type { ProtoBreak } from './proto-renewal.js'
export type { RawField } from './raw-field.js'
export { type InputOf, type Issue, type OutputOf, type Schema, type Slot, type StreamOf, stream } from './schema.js'
export type { FailureSpec, MessageSpec, MethodSpec } from './spec.js'
export { statusOf } from './status.js'
export { failureFromWire, failureToWire, plainFailureFromWire, type WireFailure } from './wire-failure.js'
