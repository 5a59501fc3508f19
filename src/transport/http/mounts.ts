// Listeners of node:http beside the calls: a page of metrics, a dashboard's stream, a proxy, somebody's old server. They get what comes
// below their path as it came, and count as calls, so that draining waits for them.
import type { ServerResponse } from 'node:http'
import type { AnyService } from '../../contract/index.js'
import type { OnDefect } from '../../core/index.js'
import { type App, HandedOver } from './handed-over.js'
import type { Listener } from './handler.js'

interface Mounted {
  readonly path: string
  readonly handedOver: HandedOver
}

/** Listeners by path. */
export class Mounts {
  /** The longest first, so that the nearest answers. */
  readonly #mounted: readonly Mounted[]

  /** Throws `TypeError` for a path that a method has. */
  constructor(mount: Readonly<Record<string, Listener>>, services: readonly AnyService[], onDefect: OnDefect) {
    for (const path of Object.keys(mount)) refuseShadowing(path, services)
    this.#mounted = Object.entries(mount)
      .sort(([a], [b]) => b.length - a.length)
      .map(([path, listener]) => ({ path, handedOver: new HandedOver(careful(listener, onDefect)) }))
  }

  /** Who answers a request; undefined where that is a call. */
  at(url: string): HandedOver | undefined {
    return this.#mounted.find(({ path }) => isBelow(url, path))?.handedOver
  }

  drain(): void {
    for (const { handedOver } of this.#mounted) handedOver.drain()
  }
}

/** Throws `TypeError` for what cannot be mounted. */
export function mountOf(
  mount: Readonly<Record<string, Listener>> | undefined,
): Readonly<Record<string, Listener>> | undefined {
  if (mount === undefined) return undefined
  for (const [path, listener] of Object.entries(mount)) {
    if (!/^(?:\/[\w.~!$&'()*+,;=:@-]+)+$/.test(path))
      throw new TypeError(`http: mount: '${path}' must be a path such as '/metrics', without a slash at its end`)
    if (typeof listener !== 'function') throw new TypeError(`http: mount: '${path}' must be given a function`)
  }
  return Object.keys(mount).length === 0 ? undefined : mount
}

function isBelow(url: string, path: string): boolean {
  if (!url.startsWith(path)) return false
  const next = url[path.length]
  return next === undefined || next === '/' || next === '?'
}

function refuseShadowing(path: string, services: readonly AnyService[]): void {
  for (const { contract } of services) {
    for (const [name, { http }] of contract.specs) {
      if (isBelow(http.pattern.replace(':', '/'), path))
        throw new TypeError(`http: mount: '${path}' would answer for ${contract.name}/${name} at ${http.pattern}`)
    }
  }
}

/** A listener that throws, or rejects, is a defect: its caller is answered, or cut off, and the process goes on. */
function careful(listener: App, onDefect: OnDefect): App {
  const failed = (target: ServerResponse, thrown: unknown): void => {
    onDefect(thrown)
    if (target.headersSent) target.destroy()
    else target.writeHead(500, { 'content-length': 0 }).end()
  }
  return async (message, target) => {
    try {
      await listener(message, target)
    } catch (thrown) {
      failed(target, thrown)
    }
  }
}
