// The metadata of a call that came over HTTP: its headers as they are, since most calls look at one or two of them, and a map of all costs
// more than the looks. node:http keeps the first `Authorization` line and forgets the others, where a proxy in front may have read
// another one: whose credential counts would depend on who reads. So all of them are there, joined as several lines of any other name
// are, which is no credential of any scheme.
import type { Metadata } from '../../core/index.js'
import { metadataFrom } from '../wire-headers.js'
import type { CameWith, HttpHeaders } from './message.js'

/** What a context has of it. */
export function metadataOf(message: CameWith): Metadata {
  return new HeaderMetadata(message)
}

/** Reads as the map of them, made when somebody asks for more than a name. */
class HeaderMetadata implements Metadata {
  readonly #headers: HttpHeaders
  readonly #rawHeaders: readonly string[] | undefined
  #all: Metadata | undefined

  constructor({ headers, rawHeaders }: CameWith) {
    this.#headers = headers
    this.#rawHeaders = rawHeaders
  }

  static {
    Object.defineProperty(HeaderMetadata.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: HeaderMetadata) {
        return this.#map
      },
    })
  }

  get(name: string): string | undefined {
    if (name === authorization) return this.#authorization()
    const value: unknown = this.#headers[name] // what each object has, too: neither text nor list
    return typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : undefined
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  get size(): number {
    return this.#map.size
  }

  keys(): MapIterator<string> {
    return this.#map.keys()
  }

  values(): MapIterator<string> {
    return this.#map.values()
  }

  entries(): MapIterator<[string, string]> {
    return this.#map.entries()
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.#map.entries()
  }

  forEach(told: (value: string, name: string, metadata: Metadata) => void, self?: unknown): void {
    for (const [name, value] of this.#map) told.call(self, value, name, this)
  }

  /** For logs, which hide the secrets in maps. JSON has nothing of it, as of any map. */
  toJSON(): Metadata {
    return this.#map
  }

  get #map(): Metadata {
    this.#all ??= this.#whole()
    return this.#all
  }

  #whole(): Metadata {
    const value = this.#authorization()
    return metadataFrom(value === undefined ? this.#headers : { ...this.#headers, [authorization]: value })
  }

  #authorization(): string | undefined {
    const value = this.#headers[authorization]
    const raw = this.#rawHeaders
    if (value !== undefined && raw !== undefined && isRepeated(raw))
      return raw.filter((_, i) => i % 2 === 1 && isAuthorization(raw[i - 1])).join(', ')
    return typeof value === 'object' ? value.join(', ') : value
  }
}

const authorization = 'authorization'

function isRepeated(raw: readonly string[]): boolean {
  let lines = 0
  for (let at = 0; at < raw.length; at += 2) if (isAuthorization(raw[at])) lines++
  return lines > 1
}

function isAuthorization(name: string | undefined): boolean {
  return name?.length === authorization.length && name.toLowerCase() === authorization
}
