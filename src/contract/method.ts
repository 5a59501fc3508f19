// Methods and the failures they declare: the parts a contract is written with.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Code, codes, type Idempotency } from '../core/index.js'
import type { FormKind } from './form-rule.js'
import type { InputOf, OutputOf, Schema, Slot } from './schema.js'

/** A declared failure: see {@link failure}. */
export interface FailureDef<Details extends Schema = Schema> {
  readonly code: Code
  readonly details: Details
}

/**
 * Declares a failure of the business, in a method's `failures`, under its tag. Transports carry it whole; for breakers and
 * SLOs it is a success of the service.
 *
 * @param code - what clients of other makers see: decides the HTTP and gRPC status
 * @param details - the schema of what a caller learns; an object
 */
export function failure<Details extends Schema>(code: Code, details: Details): FailureDef<Details> {
  if (!codes.includes(code))
    throw new TypeError(`failure: '${String(code)}' is not one of the codes ${codes.join(', ')}`)
  return Object.freeze({ code, details })
}

/** How a method is reached over HTTP, in the manner of google.api.http: exactly one verb with its path. */
export interface HttpBinding {
  readonly get?: string
  readonly put?: string
  readonly post?: string
  readonly patch?: string
  readonly delete?: string
  /** The status of a success: from 200 to 299, but not 204 or 205, since there is always a body. @defaultValue 200 */
  readonly status?: number
  /**
   * The request's field that is the body by itself, as bytes rather than JSON; its other fields are in the path or the query. With
   * put, post and patch only. Of a request stream, each chunk that arrives is an item with this one field. @defaultValue none: JSON
   */
  readonly body?: string | RawBody
  /**
   * The response's field that is the body by itself, as bytes rather than JSON. There may be no other, since it would be lost. Of a
   * response stream, each item is a chunk. @defaultValue none: JSON
   */
  readonly responseBody?: string | RawBody
  /**
   * The request's body is a form, as pages of a browser send them: `'multipart'` with files, which are fields of bytes or objects of
   * `name`, `type` and `content`, or `'urlencoded'`. Any page can send one with its visitor's cookies, without being asked.
   * @defaultValue none: JSON, and forms are refused
   */
  readonly form?: FormKind
  /** The most bytes of a request's body, counted unpacked, in place of the server's `maxBodyBytes`. @defaultValue the server's */
  readonly maxBodyBytes?: number
}

/** A field that is a body by itself: bytes, as its schema has to know, on all other transports a field like any other. */
export interface RawBody {
  /** The field. It must be required: a body is always there, if empty. */
  readonly field: string
  /**
   * The media type: of a request the one it must have, or a range like `image/*`. The range of all types takes what pages of other
   * sites can send unasked, too. @defaultValue 'application/octet-stream'; all types where there is a `typeField`
   */
  readonly type?: string
  /** The field of the same message that holds the content type, with its parameters. @defaultValue none */
  readonly typeField?: string
}

/** What a method is. */
export interface Method<
  Rq extends Slot = Slot,
  Rs extends Slot = Slot,
  F extends Readonly<Record<string, FailureDef>> = Readonly<Record<string, FailureDef>>,
> {
  /** The schema of the request (an object), or a {@link stream} of such. */
  readonly request: Rq
  /** The schema of the response (an object), or a {@link stream} of such. */
  readonly response: Rs
  /** The failures of the business, by tag. A tag has a lower-case letter, and is not `Failure`. @defaultValue none */
  readonly failures?: F
  /** Whether running it twice differs from running it once: decides what may be retried, hedged and cached. */
  readonly idempotency: Idempotency
  /** @defaultValue `{ post: '/<contract>/<method>' }` */
  readonly http?: HttpBinding
  /** The deadline of a call that brings none, in ms. @defaultValue 30 000; 3 600 000 where anything streams */
  readonly deadlineMs?: number
  /** One line, for documentation. */
  readonly summary?: string
  readonly description?: string
  readonly deprecated?: boolean
  readonly tags?: readonly string[]
  /** The names of the security schemes that a caller needs, for documentation. */
  readonly security?: readonly string[]
}

/** Any method. Not `Method<any, …>`, under which undeclared failures would widen. */
export interface AnyMethod {
  readonly idempotency: Idempotency
}

const methodOptions = new Set([
  'request',
  'response',
  'failures',
  'idempotency',
  'http',
  'deadlineMs',
  'summary',
  'description',
  'deprecated',
  'tags',
  'security',
])

/** Describes a method of a contract. Throws `TypeError` for an option that it does not know or that makes no sense. */
export function method<
  Rq extends Slot,
  Rs extends Slot,
  // biome-ignore lint/complexity/noBannedTypes: no failures at all; Record<string, never> would accept every tag
  F extends Readonly<Record<string, FailureDef>> = {},
>(definition: Method<Rq, Rs, F>): Method<Rq, Rs, F> {
  for (const key of Object.keys(definition)) {
    if (!methodOptions.has(key)) throw new TypeError(`method: there is no option '${key}'`)
  }
  const { idempotency, deadlineMs } = definition
  if (!['safe', 'idempotent', 'unsafe'].includes(idempotency)) {
    throw new TypeError(`method: idempotency must be 'safe', 'idempotent' or 'unsafe', got '${String(idempotency)}'`)
  }
  if (deadlineMs !== undefined && !(deadlineMs > 0)) {
    throw new RangeError(`method: deadlineMs must be more than 0, got ${deadlineMs}`)
  }
  return Object.freeze({ ...definition })
}

/** The declared failures as a handler makes them. */
export type DomainInput<F> = {
  readonly [K in keyof F & string]: {
    readonly _tag: K
    readonly details: F[K] extends FailureDef<infer D extends Schema> ? StandardSchemaV1.InferInput<D> : never
  }
}[keyof F & string]

/** The declared failures as a caller gets them. */
export type DomainOutput<F> = {
  readonly [K in keyof F & string]: {
    readonly _tag: K
    readonly details: F[K] extends FailureDef<infer D extends Schema> ? StandardSchemaV1.InferOutput<D> : never
  }
}[keyof F & string]

/** A method's request as its caller passes it. */
export type RequestInput<X> = X extends Method<infer Rq, infer _Rs, infer _F> ? InputOf<Rq> : never
/** A method's request as its handler gets it. */
export type RequestOutput<X> = X extends Method<infer Rq, infer _Rs, infer _F> ? OutputOf<Rq> : never
/** A method's response as its handler gives it. */
export type ResponseInput<X> = X extends Method<infer _Rq, infer Rs, infer _F> ? InputOf<Rs> : never
/** A method's response as its caller gets it. */
export type ResponseOutput<X> = X extends Method<infer _Rq, infer Rs, infer _F> ? OutputOf<Rs> : never
