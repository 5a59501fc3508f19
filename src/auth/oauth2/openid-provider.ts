// A provider of OpenID Connect, as its metadata describes it: discovered when the first login begins, once for all that wait, and asked through
// a fetch with bounds. ID tokens are verified with the provider's keys, though they come straight from it.
import type { Configuration } from 'openid-client'
import type { Clock, Failure, Left } from '../../core/index.js'
import { type FetchBounds, fetchText } from '../fetch-text.js'
import { isLocal, trustedUrl } from '../trusted-url.js'
import { causeOf, providerUnavailable } from './login-failure.js'
import { checkClient, type OAuthClient, prove } from './oauth-client.js'
import { needOpenidClient, type OpenidClient, openidClient } from './openid-client.js'

/** The library, and what it needs to know of the provider. */
export interface Discovered {
  readonly library: OpenidClient
  readonly configuration: Configuration
}

/** How long a provider whose metadata could not be had is left alone. */
const cooldownMs = 1_000

/** A provider. */
export class OpenidProvider {
  readonly #issuer: URL
  readonly #client: OAuthClient
  readonly #network: FetchBounds
  #found: Discovered | undefined
  #looking: Promise<Discovered | Left<Failure>> | undefined
  #failure: Left<Failure> | undefined
  #leaveAloneUntil = Number.NEGATIVE_INFINITY

  /** Throws `TypeError` for an address that others could answer for, a client that could prove nothing, and without the library. */
  constructor(owner: string, { issuer, client }: { issuer: string; client: OAuthClient }, network: FetchBounds) {
    this.#issuer = trustedUrl(issuer, `${owner}: issuer`)
    checkClient(client, owner)
    needOpenidClient(owner)
    this.#client = { ...client }
    this.#network = network
  }

  /** Never rejects. */
  async discovered({ clock }: { readonly clock: Clock }): Promise<Discovered | Left<Failure>> {
    if (this.#found !== undefined) return this.#found
    if (this.#failure !== undefined && clock.now() < this.#leaveAloneUntil) return this.#failure
    this.#looking ??= this.#discover().then(found => {
      this.#looking = undefined
      if ('_tag' in found) {
        this.#failure = found
        this.#leaveAloneUntil = clock.now() + cooldownMs
      } else this.#found = found
      return found
    })
    return this.#looking
  }

  async #discover(): Promise<Discovered | Left<Failure>> {
    try {
      const library = await openidClient()
      const { allowInsecureRequests, discovery, enableNonRepudiationChecks } = library
      const configuration = await discovery(
        this.#issuer,
        this.#client.id,
        {},
        (_, __, body, headers) => prove(this.#client, { body, headers, bounds: this.#network }),
        {
          [library.customFetch]: (url, { method, headers, body }) =>
            this.#fetch(new URL(url), { method, headers, body: body instanceof URLSearchParams ? body : null }),
          timeout: this.#network.timeoutMs / 1_000,
          execute: [enableNonRepudiationChecks, ...(isLocal(this.#issuer) ? [allowInsecureRequests] : [])],
        },
      )
      return { library, configuration }
    } catch (thrown) {
      return providerUnavailable(causeOf(thrown))
    }
  }

  async #fetch(url: URL, asking: RequestInit): Promise<Response> {
    const { status, headers, text } = await fetchText(url, asking, this.#network)
    return new Response(text === '' ? null : text, { status, headers })
  }
}
