// Redirects that a client follows, where it was told to: to its own origin, and only where sending again means the same. Browsers'
// rules (the Fetch standard) let a POST become a GET and credentials meet hosts that nobody named; for calls both are mistakes.
import { type Awaitable, type Context, failed, type Outcome } from '../../core/index.js'
import type { IncomingStream } from './incoming-stream.js'
import { type HttpHeaders, headerOf } from './message.js'
import { redirectStatuses } from './redirect-statuses.js'
import { type Reading, type Remote, roundTrip } from './round-trip.js'
import type { SentRequest } from './sender.js'

/** Sends a request as `roundTrip` does, and once more for each redirect that may be followed. Never rejects. */
export function following(
  remote: Remote,
  request: SentRequest,
  context: Context,
  reading: Reading,
): Awaitable<Outcome> {
  const { redirects } = remote
  if (redirects === undefined) return roundTrip(remote, request, context, reading)
  return new Following({ remote, redirects, context, reading }).send(request)
}

interface Init {
  readonly remote: Remote
  readonly redirects: NonNullable<Remote['redirects']>
  readonly context: Context
  readonly reading: Reading
}

class Following implements Reading {
  readonly #init: Init
  readonly #seen: Set<string> = new Set()
  #request: SentRequest | undefined
  #redirect: { readonly status: number; readonly location: string } | undefined

  constructor(init: Init) {
    this.#init = init
  }

  send(request: SentRequest): Awaitable<Outcome> {
    const { remote, context } = this.#init
    this.#request = request
    this.#redirect = undefined
    this.#seen.add(request.path)
    return roundTrip(remote, request, context, this)
  }

  get isPacked(): boolean {
    return this.#redirect === undefined && this.#init.reading.isPacked === true
  }

  get onBytes(): Reading['onBytes'] {
    const { reading } = this.#init
    return this.#redirect === undefined && reading.onBytes !== undefined
      ? bytes => reading.onBytes?.(bytes) as Awaitable<Outcome>
      : undefined // as just seen
  }

  onHead(status: number, headers: HttpHeaders): boolean {
    const location = headerOf(headers, 'location')
    if (!redirectStatuses.has(status) || location === undefined) return this.#init.reading.onHead(status, headers)
    this.#redirect = { status, location }
    return false
  }

  onStream(chunks: IncomingStream): Outcome {
    return this.#init.reading.onStream(chunks)
  }

  onWhole(text: string, bytes: number): Awaitable<Outcome> {
    const request = this.#request as SentRequest // `send` set it
    return this.#redirect === undefined
      ? this.#init.reading.onWhole(text, bytes)
      : this.#follow(request, this.#redirect)
  }

  #follow(
    request: SentRequest,
    { status, location }: { readonly status: number; readonly location: string },
  ): Awaitable<Outcome> {
    const { redirects } = this.#init
    const base = redirects.origin + request.path
    const target = URL.canParse(location, base) ? new URL(location, base) : undefined
    if (target === undefined) return this.#refused(status, `to ${shown(location)}, which is no URL`)
    if (target.origin !== redirects.origin || target.username !== '' || target.password !== '')
      return this.#refused(status, `to ${shown(target.origin)}, which is not the client's target`)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead && status !== 307 && status !== 308)
      return this.#refused(status, `of a ${request.method}, which would become a GET`)
    if (isStreamed(request.body)) return this.#refused(status, 'of a request stream, which can be sent once')
    const path = target.pathname + target.search
    if (this.#seen.has(path)) return this.#tooMany(`${shown(path)} leads to itself`)
    if (this.#seen.size > redirects.most) return this.#tooMany(`there are more than ${redirects.most}`)
    return this.send({ ...request, path })
  }

  #refused(status: number, why: string): Outcome {
    const { peer } = this.#init.remote
    return failed('unknown', 'REDIRECT_REFUSED', `${peer} answered ${status}: a redirect ${why}`, {
      peer,
      details: { status },
    })
  }

  #tooMany(why: string): Outcome {
    const { peer } = this.#init.remote
    return failed('unknown', 'TOO_MANY_REDIRECTS', `${peer} redirects and redirects: ${why}`, { peer })
  }
}

function isStreamed(body: SentRequest['body']): boolean {
  return typeof body === 'object' && Symbol.asyncIterator in body
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
