// What only a transport over HTTP knows of a call: how it came, and the status that it is answered with, which is decided when all
// layers have left. For whoever describes calls, as tracing does; layers that decide something need none of it.

/** A call that came in over HTTP, as its transport keeps it. */
export interface HttpSource {
  /** The request's method as sent: `HEAD` where the contract says GET. */
  readonly method: string
  /** `1.1`; undefined where the platform does not tell. */
  readonly httpVersion: string | undefined
  /** Told the status of the answer, once, when that is about to be written, and always after the layers have left a call without a stream. */
  onStatus: ((status: number) => void) | undefined
}
