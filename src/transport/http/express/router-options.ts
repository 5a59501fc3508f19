// What may be set on a router in an Express app, and what it is when it is not.
import { defectsTo } from '../../../core/call-error.js'
import { type Clock, type OnDefect, systemClock } from '../../../core/index.js'
import type { Among, ExchangeOptions } from '../exchange.js'
import { callSettingsOf, type HttpServerOptions } from '../server-options.js'
import type { ThroughProxies, TrustedProxiesOptions } from '../trusted-proxies.js'

/**
 * Options of `router`. What its services need of their context comes on top, as `provide`. Parsers of the app that come before have
 * limits of their own, and answer in their own way.
 */
export interface RouterOptions
  extends Pick<HttpServerOptions, 'maxBodyBytes' | 'maxDeadlineMs' | 'etag'>,
    TrustedProxiesOptions {
  /**
   * Which requests that no method is for go on to the rest of the app.
   *
   * - `'paths'`: those for an unknown path. A known path with another verb is answered: 405 with `Allow`, and OPTIONS with 204.
   * - `'methods'`: those as well: for paths of which the app, or another router, serves the other verbs.
   * - `'nothing'`: none; an unknown path is answered with problem details, as the server of tenon/transport/http does.
   *
   * @defaultValue 'paths'
   */
  readonly passOn?: 'paths' | 'methods' | 'nothing'
  /** Told what was thrown by mistake. @defaultValue one report on stderr */
  readonly onDefect?: OnDefect
  /** What deadlines are on. @defaultValue systemClock */
  readonly clock?: Clock
}

/** The options, each with a value. */
export interface RouterSettings extends ExchangeOptions, Required<Pick<RouterOptions, 'onDefect' | 'clock'>> {
  readonly isOthers: Among['isOthers']
  readonly throughProxies: ThroughProxies | undefined
}

const leftToOthers: Readonly<Record<NonNullable<RouterOptions['passOn']>, Among['isOthers']>> = {
  paths: kind => kind !== 'method_not_allowed',
  methods: () => true,
  nothing: () => false,
}

/** The options, each with a value. Throws `RangeError` or `TypeError` for what makes no sense. */
export function settingsOf(options: RouterOptions): RouterSettings {
  const { passOn = 'paths', clock = systemClock } = options
  if (!Object.hasOwn(leftToOthers, passOn))
    throw new TypeError(`express: passOn must be 'paths', 'methods' or 'nothing', got ${JSON.stringify(passOn)}`)
  return { isOthers: leftToOthers[passOn], onDefect: defectsTo(options.onDefect), clock, ...callSettingsOf(options) }
}
