// What travels back beside the response. The one mutable part of a context: the handler writes it, the transport sends
// it; on the calling side the transport writes what it received, and `onReply` of `call` reads it.
import { CallError } from './call-error.js'
import { failureOf } from './failure.js'
import { checkEntry, checkSize, type Metadata } from './metadata.js'

/** Headers, trailers and HTTP status of a reply. */
export class Reply {
  readonly #headers: Map<string, string> = new Map()
  readonly #trailers: Map<string, string> = new Map()
  #sent = false
  /** The HTTP status of a successful reply, where the contract's own does not fit; other transports ignore it. */
  status: number | undefined

  /**
   * Sets a header. Throws `CallError` `invalid_argument`/`INVALID_METADATA` as `withOutgoing` does, and
   * `internal`/`REPLY_SENT` once the first byte or item has gone out.
   */
  header(name: string, value: string): void {
    if (this.#sent) {
      throw new CallError(failureOf('internal', 'REPLY_SENT', `the header '${name}' came after the reply had begun`))
    }
    put(this.#headers, name, value)
  }

  /** Sets a trailer: it may follow a stream. Fails as {@link header} does, but may be set until the end. */
  trailer(name: string, value: string): void {
    put(this.#trailers, name, value)
  }

  get headers(): Metadata {
    return this.#headers
  }

  get trailers(): Metadata {
    return this.#trailers
  }

  /** For transports: from here on a header is too late. */
  close(): void {
    this.#sent = true
  }
}

function put(map: Map<string, string>, name: string, value: string): void {
  const lower = name.toLowerCase()
  checkEntry(lower, value)
  checkSize(new Map(map).set(lower, value))
  map.set(lower, value)
}
