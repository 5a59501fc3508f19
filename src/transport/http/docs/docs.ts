// The documentation of a server's contracts, made from the contracts themselves, so that it cannot be older than what it describes.
import { type Described, type OpenApiOptions, openapi } from '../../../contract/index.js'
import type { PageSource } from '../pages.js'
import { html, relativePath, script } from './page.js'
import { asPages, type Resource, resource } from './resource.js'
import { viewerFiles } from './viewer.js'

/** Options of {@link docs}. */
export interface DocsOptions extends OpenApiOptions {
  /**
   * Where the page is; the files of the viewer are below it. False: there is none, and no viewer need be installed.
   * @defaultValue '/docs'
   */
  readonly page?: string | false
  /** Where the OpenAPI document is. @defaultValue '/openapi.json' */
  readonly document?: string
  /** What it describes: needed where `serve` is given no services, because the app has them already. @defaultValue what `serve` is given */
  readonly contracts?: readonly Described[]
  /** Where the methods are: `['/api']`. @defaultValue where the server has put them */
  readonly servers?: readonly string[]
}

/**
 * Documentation for the `docs` of `http.server`: the OpenAPI 3.1 document of all that the server offers, and a page to read it and
 * to try it. The page is Swagger UI, from the package `swagger-ui-dist` as it is installed: nothing comes from another host.
 * Anybody who reaches the server can read both.
 *
 * Throws `TypeError` for a path that makes no sense and, when the server starts, where swagger-ui-dist is not installed, a method is
 * at one of these paths itself, there is nothing to describe, or nobody knows where in an app the methods are.
 *
 * @example
 * ```ts
 * import { contract, implement, method } from 'tenon'
 * import { serve } from 'tenon/lifecycle'
 * import * as http from 'tenon/transport/http'
 * import { docs } from 'tenon/transport/http/docs'
 * import { z } from 'zod'
 *
 * const Clock = contract('demo.v1.Clock', {
 *   read: method({ request: z.object({}), response: z.object({ ms: z.number() }), idempotency: 'safe', http: { get: '/clock' } }),
 * })
 * const clock = implement(Clock).handlers({ read: () => ({ ms: Date.now() }) })
 * const running = await serve([clock], [http.server({ port: 0, docs: docs({ title: 'Clock' }) })])
 * const response = await fetch(`${running.addresses[0]}/openapi.json`)
 * console.log(response.status) // 200; the page is at /docs
 * await running.close()
 * ```
 */
export function docs(options: DocsOptions = {}): PageSource {
  const { page = '/docs', document = '/openapi.json', contracts: given, ...described } = options
  for (const path of [page, document]) if (path !== false) checkPath(path)
  if (page === document) throw new TypeError(`docs: page and document are both at ${document}`)
  return {
    pagesOf(services, prefix) {
      const resources = new Map<string, Resource>()
      const contracts = given ?? services.map(({ contract }) => contract)
      const [first] = contracts
      if (first === undefined) throw new TypeError('docs: there is no service to describe: name contracts')
      const { title = first.name, servers = placesOf(prefix) } = described
      resources.set(
        document,
        resource('application/json', JSON.stringify(openapi(contracts, { ...described, servers }))),
      )
      if (page !== false) addPage(resources, { page, document, title, servers })
      if (prefix !== undefined) refuseTaken(contracts, prefix, resources)
      return asPages(resources)
    },
  }
}

/** A document without a prefix that is there would send its readers to paths that are not. */
function placesOf(prefix: string | undefined): readonly string[] {
  if (prefix === undefined)
    throw new TypeError("docs: nobody knows where the services are: give mount as a path, or name servers: ['/api']")
  return prefix === '' ? [] : [prefix]
}

interface PageOf {
  readonly page: string
  readonly document: string
  readonly title: string
  readonly servers: readonly string[]
}

function addPage(resources: Map<string, Resource>, { page, document, title, servers }: PageOf): void {
  const hosts = servers.flatMap(originOf)
  resources.set(page, resource('text/html; charset=utf-8', html({ title, page, document }), policyFor(hosts)))
  resources.set(`${page}/`, { redirect: relativePath(`${page}/`, page) })
  resources.set(`${page}/start.js`, resource('text/javascript; charset=utf-8', script))
  for (const [name, file] of viewerFiles()) resources.set(`${page}/${name}`, file)
}

/** What the page may load, and whom it may call: only where it came from and the servers it describes. */
function policyFor(hosts: readonly string[]): readonly string[] {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${["'self'", ...hosts].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  return ['content-security-policy', policy.join('; '), 'referrer-policy', 'no-referrer']
}

function originOf(server: string): readonly string[] {
  return URL.canParse(server) ? [new URL(server).origin] : [] // a relative one is where the page is
}

function refuseTaken(contracts: readonly Described[], prefix: string, resources: ReadonlyMap<string, Resource>): void {
  for (const { specs } of contracts) {
    for (const { info, http } of specs.values()) {
      const path = prefix + http.pattern
      if (http.verb === 'GET' && resources.has(path))
        throw new TypeError(`docs: ${info.service}/${info.name} is at ${path} already`)
    }
  }
}

function checkPath(path: string): void {
  if (!/^(\/[\w.~-]+)+$/.test(path)) throw new TypeError(`docs: '${path}' is not a path like /docs`)
}
