// What travels back beside the response. The one mutable part of a context: the handler writes it, the transport sends
// it; on the calling side the transport writes what it received, and `onReply` of `call` reads it.
import { CallError } from './call-error.js'
import { failureOf } from './failure.js'
import { type Metadata, wrongEntry, wrongSize } from './metadata.js'

/** The one name whose values cannot be joined: the date in an `Expires` has a comma of its own. */
const setCookieName = 'set-cookie'

/** Headers, trailers and HTTP status of a reply. */
export class Reply {
  readonly #headers: Map<string, string> = new Map()
  readonly #trailers: Map<string, string> = new Map()
  #setCookies: string[] | undefined
  #sent = false
  #outer: Reply | undefined
  /** The HTTP status of a successful reply, where the contract's own does not fit; other transports ignore it. */
  status: number | undefined = undefined

  /**
   * Sets a header; `set-cookie` alone is added to those before it, and is found in {@link setCookies}. Throws `TypeError` for a name
   * outside `[a-z0-9_.-]`, a value outside visible ASCII and space, more than 64 entries or more than 8192 characters in all: no
   * caller is to blame for that, so that a handler that lets it pass has a defect. Throws `CallError` `internal`/`REPLY_SENT` once
   * the first byte or item has gone out.
   */
  header(name: string, value: string): void {
    if (this.#outer !== undefined) this.#outer.header(name, value)
    else this.#add(name, value)
  }

  #add(name: string, value: string): void {
    if (this.#sent) {
      throw new CallError(failureOf('internal', 'REPLY_SENT', `the header '${name}' came after the reply had begun`))
    }
    const lower = name.toLowerCase()
    if (lower === setCookieName) {
      refuse(wrongEntry(lower, value))
      const cookies = [...this.setCookies, value]
      refuse(wrongSize(this.#headers, cookies))
      this.#setCookies = cookies
    } else put(this.#headers, { name: lower, value }, this.#setCookies)
  }

  /** Sets a trailer: it may follow a stream. Fails as {@link header} does, but may be set until the end. */
  trailer(name: string, value: string): void {
    if (this.#outer !== undefined) this.#outer.trailer(name, value)
    else put(this.#trailers, { name: name.toLowerCase(), value })
  }

  /** All but `set-cookie`. */
  get headers(): Metadata {
    return this.#headers
  }

  /** The values of `set-cookie`, in order. Transports send each as a header of its own. */
  get setCookies(): readonly string[] {
    return this.#setCookies ?? none
  }

  get trailers(): Metadata {
    return this.#trailers
  }

  /** What was said here is said to `outer`, and so is what will be: this was the attempt that counts. */
  join(outer: Reply): void {
    this.copyTo(outer)
    this.#outer = outer
  }

  /** Says to `other` what has been said here. */
  copyTo(other: Reply): void {
    for (const [name, value] of this.#headers) other.header(name, value)
    for (const value of this.setCookies) other.header(setCookieName, value)
    for (const [name, value] of this.#trailers) other.trailer(name, value)
    if (this.status !== undefined) other.status = this.status
  }

  /** For transports: from here on a header is too late. */
  close(): void {
    this.#sent = true
  }
}

const none: readonly string[] = []

function put(
  map: Map<string, string>,
  { name, value }: { readonly name: string; readonly value: string },
  beside?: readonly string[],
): void {
  refuse(wrongEntry(name, value))
  refuse(wrongSize(new Map(map).set(name, value), beside))
  map.set(name, value)
}

/** Not a failure of the call: the code for it would blame whoever called. */
function refuse(wrong: string | undefined): void {
  if (wrong !== undefined) throw new TypeError(`reply: ${wrong}`)
}
