// Cross-origin requests of browsers (the Fetch standard's CORS protocol): which origins may call, and read what comes back, failures
// included. An origin is never reflected because it was asked for: it is on a list, or a predicate said `true`.
import { observe } from '../../core/call-error.js'
import { type OnDefect, propagatedNames, reportDefect } from '../../core/index.js'
import { attemptHeader, ranHeader, retryAfterHeader, timeoutHeader, trailerPrefix } from '../wire-headers.js'
import { type HttpHeaders, type HttpRequest, type HttpResponse, headerOf } from './message.js'

/** Options of `cors`. */
export interface CorsOptions {
  /**
   * Who may call: a list of origins as browsers write them (`https://app.example`, without a slash at the end), a predicate, or `'*'` for
   * everybody. A predicate is asked for each request, and must give `true`. `null`, the origin of sandboxed pages and files, is allowed
   * by `'*'` alone.
   */
  readonly origins: '*' | readonly string[] | ((origin: string) => boolean)
  /**
   * Headers that callers may send besides `content-type`, `idempotency-key`, those of Tenon's own clients and those that join a trace:
   * `['authorization']`. @defaultValue none
   */
  readonly headers?: readonly string[]
  /** Headers of responses that callers may read besides Tenon's own, `retry-after` and trailers. @defaultValue none */
  readonly exposedHeaders?: readonly string[]
  /** Whether cookies and client certificates may come along; not with origins `'*'`. @defaultValue false */
  readonly credentials?: boolean
  /** How long browsers may remember what is allowed, in seconds, from 0 on; they have limits of their own. @defaultValue 600 */
  readonly maxAgeSeconds?: number
  /** Whether pages of the internet may call a server in a private network, where browsers ask for that. @defaultValue false */
  readonly privateNetwork?: boolean
}

const verbs = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']
const sentByClients = ['content-type', 'idempotency-key', timeoutHeader, attemptHeader, ...propagatedNames]
const nameRule = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i

/** Makes what answers; undefined for no options. Throws `TypeError` and `RangeError` for options that allow nobody, or more than they seem to. */
export function corsOf(options: CorsOptions | undefined): ((onDefect: OnDefect) => Cors) | undefined {
  if (options === undefined) return undefined
  new Cors(options, reportDefect) // so that mistakes show here
  return onDefect => new Cors(options, onDefect)
}

/** Answers preflights, and says in each response who may read it. */
export class Cors {
  readonly #isAllowed: (origin: string) => boolean
  readonly #isForAll: boolean
  readonly #privateNetwork: boolean
  readonly #exposed: string
  /** Names and values in turn, the same in every response to an allowed origin. */
  readonly #always: readonly string[]
  readonly #preflight: readonly string[]

  constructor(options: CorsOptions, onDefect: OnDefect) {
    const { origins, headers = [], exposedHeaders = [], credentials = false, maxAgeSeconds = 600 } = options
    if (credentials && origins === '*')
      throw new TypeError(
        "http: cors.credentials with origins '*' would let every page act as its visitor: name the origins",
      )
    if (!Number.isInteger(maxAgeSeconds) || maxAgeSeconds < 0)
      throw new RangeError(`http: cors.maxAgeSeconds must be a whole number from 0 on, got ${maxAgeSeconds}`)
    this.#isForAll = origins === '*'
    this.#isAllowed = allowing(origins, onDefect)
    this.#privateNetwork = options.privateNetwork ?? false
    this.#exposed = [ranHeader, retryAfterHeader, 'retry-after', ...named('exposedHeaders', exposedHeaders)].join(', ')
    this.#always = credentials ? ['access-control-allow-credentials', 'true'] : []
    this.#preflight = [
      'access-control-allow-headers',
      [...new Set([...sentByClients, ...named('headers', headers)])].join(', '),
      'access-control-max-age',
      String(maxAgeSeconds),
    ]
  }

  /**
   * The response to a preflight; undefined for any other request, and for one of an origin that may not call. `allow`: the verbs of the
   * path, where it is known. A verb or a path that is not there may be asked for all the same: whoever calls it reads a typed 404 or 405
   * instead of a broken connection.
   */
  preflight(
    { method, headers }: Pick<HttpRequest, 'method' | 'headers'>,
    allow: readonly string[],
  ): HttpResponse | undefined {
    const asked = headerOf(headers, 'access-control-request-method')
    if (method !== 'OPTIONS' || asked === undefined || this.#allowedOrigin(headers) === undefined) return undefined
    const methods = verbs.filter(verb => allow.includes(verb) || verb === asked)
    const own = ['access-control-allow-methods', methods.join(', '), ...this.#preflight]
    if (this.#privateNetwork && headerOf(headers, 'access-control-request-private-network') === 'true')
      own.push('access-control-allow-private-network', 'true')
    return {
      status: 204,
      headers: [...own, 'vary', 'access-control-request-method, access-control-request-private-network'],
      body: '',
    }
  }

  /** A response as the origin of its request may read it. */
  dressed(
    { method, headers: asked }: Pick<HttpRequest, 'method' | 'headers'>,
    { status, headers: given, body }: HttpResponse,
  ): HttpResponse {
    const isOptions = method === 'OPTIONS' // never a handler's, so all that is said of CORS is said here
    const headers = isOptions ? given.slice() : withoutOwn(given)
    if (!this.#isForAll) headers.push('vary', 'origin')
    const origin = this.#allowedOrigin(asked)
    if (origin !== undefined) {
      headers.push('access-control-allow-origin', origin, ...this.#always)
      if (!isOptions) headers.push('access-control-expose-headers', this.#exposedOf(headers))
    }
    return { status, headers, body }
  }

  #exposedOf(headers: readonly string[]): string {
    let exposed = this.#exposed
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string // names and values in turn
      if (name.startsWith(trailerPrefix)) exposed += `, ${name}`
    }
    return exposed
  }

  /** What to answer with as the allowed origin; undefined for none. */
  #allowedOrigin(headers: HttpHeaders): string | undefined {
    const origin = headerOf(headers, 'origin')
    if (origin === undefined) return undefined
    if (this.#isForAll) return '*'
    return this.#isAllowed(origin) ? origin : undefined
  }
}

/** What a handler says of CORS would contradict what is said here. */
function withoutOwn(headers: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string // names and values in turn
    if (!name.startsWith('access-control-')) kept.push(name, headers[i + 1] as string)
  }
  return kept
}

function allowing(origins: CorsOptions['origins'], onDefect: OnDefect): (origin: string) => boolean {
  if (origins === '*') return () => true
  if (typeof origins === 'function') {
    return origin => {
      if (!isOrigin(origin)) return false
      try {
        const allowed: unknown = origins(origin)
        if (typeof allowed === 'boolean') return allowed
        throw new TypeError(`http: cors.origins gave ${typeof allowed}, which allows nobody: give true or false`)
      } catch (thrown) {
        observe(onDefect, thrown)
        return false
      }
    }
  }
  if (!Array.isArray(origins) || origins.length === 0)
    throw new TypeError("http: cors.origins must be '*', a predicate, or a list with an origin at least")
  for (const origin of origins) {
    if (typeof origin !== 'string' || !isOrigin(origin))
      throw new TypeError(
        `http: cors.origins: ${JSON.stringify(origin)} is no origin like https://app.example${hintFor(origin)}`,
      )
  }
  const allowed: ReadonlySet<string> = new Set(origins)
  return origin => allowed.has(origin)
}

function hintFor(origin: unknown): string {
  if (origin === 'null') return ": every sandboxed page has the origin 'null'"
  if (typeof origin !== 'string') return ''
  if (origin.includes('*')) return ': for patterns give a predicate'
  return URL.canParse(origin) && isOrigin(new URL(origin).origin) ? `: did you mean ${new URL(origin).origin}?` : ''
}

/** Whether a text is an origin just as a browser writes it. Schemes of apps (`capacitor://localhost`) have no form of their own. */
function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*,]+$/.test(text) || !URL.canParse(text)) return false
  const { origin } = new URL(text)
  return origin === text || (origin === 'null' && text === text.toLowerCase())
}

function named(option: string, names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (typeof name !== 'string' || !nameRule.test(name) || name === '*')
      throw new TypeError(`http: cors.${option}: ${JSON.stringify(name)} is no name of a header`)
  }
  return names.map(name => name.toLowerCase())
}
