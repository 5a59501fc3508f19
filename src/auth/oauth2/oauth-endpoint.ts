// An endpoint of an authorization server that takes a form and answers with JSON: the token endpoint, the introspection endpoint.
import type { Clock } from '../../core/index.js'
import { functionOption, numberOption, type OptionRules } from '../../core/option-rules.js'
import { type FetchBounds, type FetchedText, fetchText } from '../fetch-text.js'
import { strictObject } from '../strict-json.js'
import { trustedUrl } from '../trusted-url.js'
import { checkClient, type OAuthClient, prove } from './oauth-client.js'

/** How much of an authorization server is waited for. */
export interface NetworkOptions {
  /** How long it may take to answer, in ms; more than 0. @defaultValue 5 000 */
  readonly timeoutMs?: number
  /** The largest answer that is read, in bytes: 1 or more. @defaultValue 65 536 */
  readonly maxBytes?: number
  /** Through a proxy, with certificates of one's own. @defaultValue Node's */
  readonly fetch?: typeof fetch
}

/** Which endpoint, and who asks. */
export interface EndpointOptions extends NetworkOptions {
  /** Where it is: `https://`, or `http://` on this machine. Redirects are not followed. */
  readonly url: string | URL
  /** Who this program is to it. */
  readonly client: OAuthClient
}

/** What the options about the network may be. */
export const networkRules: OptionRules<Required<NetworkOptions>> = {
  timeoutMs: numberOption({ fallback: 5_000, above: 0 }),
  maxBytes: numberOption({ fallback: 65_536, min: 1, integer: true }),
  fetch: functionOption<typeof fetch>((...asked) => globalThis.fetch(...asked)),
}

/** What an endpoint answered. */
export interface EndpointAnswer {
  readonly status: number
  /** Undefined where it is no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  /** From `Retry-After`, where it is a number. */
  readonly retryAfterMs: number | undefined
}

/** An endpoint and who asks it. */
export class OAuthEndpoint {
  readonly #url: URL
  readonly #client: OAuthClient
  readonly #network: Required<NetworkOptions>

  /** Throws `TypeError` for an address that others could answer for, and for a client that could prove nothing. */
  constructor(
    owner: string,
    { url, client }: Pick<EndpointOptions, 'url' | 'client'>,
    network: Required<NetworkOptions>,
  ) {
    this.#url = trustedUrl(url, `${owner}: url`)
    checkClient(client, owner)
    this.#client = { ...client }
    this.#network = network
  }

  /** Rejects where there is no answer in time, or one that is too long; with nothing of what was sent. */
  async post(form: Readonly<Record<string, string>>, clock: Clock): Promise<EndpointAnswer> {
    const body = new URLSearchParams(form)
    const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' })
    const bounds: FetchBounds = { ...this.#network, clock }
    await prove(this.#client, { body, headers, bounds })
    return answerOf(await fetchText(this.#url, { method: 'POST', headers, body: body.toString() }, bounds))
  }

  /** What to say of an answer that is none of those expected: what the server calls the error, where it is a plain word. */
  unexpected({ status, body }: EndpointAnswer): string {
    const error = body?.['error']
    const word = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? `: ${error}` : ''
    return `${this.#url.origin} answered ${status}${word}`
  }
}

function answerOf({ status, headers, text }: FetchedText): EndpointAnswer {
  const read = strictObject(Buffer.from(text))
  const after = headers.get('retry-after') ?? ''
  return {
    status,
    body: typeof read === 'string' ? undefined : read,
    retryAfterMs: /^\d{1,6}$/.test(after) ? Number(after) * 1_000 : undefined,
  }
}
