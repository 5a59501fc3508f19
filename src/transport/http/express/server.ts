// An Express app as one of the bindings of `serve`: with the probes, the limits against slow callers and the drain of the server on
// node:http, which sees every request of the app first.
import type { Application } from 'express'
import { renewal } from '../../identity.js'
import { HttpServer } from '../http-server.js'
import type { HttpServerBinding } from '../server.js'
import { type HttpServerOptions, type Settings, settingsOf } from '../server-options.js'
import type { ExpressHandler } from './request.js'
import { router } from './router.js'
import { settingsOf as callSettingsOf, type RouterOptions } from './router-options.js'

/**
 * Options of {@link server}: those of the `server` of tenon/transport/http, which hold for all requests of the app, and these. What
 * packs responses, or lets pages of other origins call, is middleware of the app.
 */
export interface ExpressServerOptions
  extends Omit<HttpServerOptions, 'compression' | 'cors' | 'mount'>,
    Pick<RouterOptions, 'passOn'> {
  /** The app. It is not made to listen: the binding does. */
  readonly app: Application
  /**
   * Where the services that `serve` is given are in the app: a path, `'/api'`, behind all that the app has; or what puts them there,
   * `services => app.use('/api', services)`. That is called once, when the server is about to listen, so what comes after the services (a
   * handler for what is not found, one for errors) belongs in there, too; it is not called where `serve` is given none, because
   * `router` has mounted them already. Then, or with a function, `docs` must name its `servers`.
   * @defaultValue at the root, behind all that the app has
   */
  readonly mount?: string | ((services: ExpressHandler) => void)
}

/**
 * A server of contracts in an Express app, for `serve`. Everything that the app answers is drained as well: a request of its own
 * routes counts as a call. What `requestTimeoutMs` says holds for them, too; `maxBodyBytes` and `maxDeadlineMs` for the services alone.
 * WebSockets and other upgrades are not offered. Throws `RangeError` and `TypeError` for options that make no sense.
 */
export function server(options: ExpressServerOptions): HttpServerBinding {
  const { app } = options
  if (typeof app !== 'function' || typeof app.use !== 'function')
    throw new TypeError('express: app must be an Express app')
  const { mount = '', ...limits } = options
  if (typeof mount === 'string' && !/^(\/[\w.~-]+)*$/.test(mount))
    throw new TypeError(`express: mount must be a path like /api, got ${JSON.stringify(mount)}`)
  const place = typeof mount === 'string' ? (services: ExpressHandler) => void app.use(mount || '/', services) : mount
  const settings = settingsOf(limits)
  callSettingsOf(options) // so that mistakes show here
  let current: ExpressHandler | undefined
  let isMounted = false
  return {
    name: 'express',
    listen(services, { onDefect, clock, probes }) {
      if (services.length > 0) {
        current = router(services, { ...options, onDefect, clock })
        // An app forgets nothing: listening again takes the place that there is.
        if (!isMounted)
          place((message, target, next) => (current === undefined ? next() : current(message, target, next)))
        isMounted = true
      }
      const prefix = typeof mount === 'string' && services.length > 0 ? mount : undefined
      return new HttpServer(services, { onDefect, clock, probes }, placed(settings, prefix), app).listen()
    },
    renewTls: renewal(settings.identity, 'http'),
  }
}

/** The settings of an app whose services are below `prefix`. */
function placed(settings: Settings, prefix: string | undefined): Settings {
  const { docs } = settings
  return docs === undefined ? settings : { ...settings, docs: { pagesOf: services => docs.pagesOf(services, prefix) } }
}
