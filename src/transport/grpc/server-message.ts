// Messages between a server's wire and its endpoints: how one is read and written, and what is wrong with one that cannot be.
import { CallError, failureOf, type OnDefect } from '../../core/index.js'
import { notRun } from '../wire-headers.js'
import { asBuffer } from './as-buffer.js'
import type { Route } from './route.js'
import { unencodable } from './server-failures.js'

/** A response or an item of one. Throws a `CallError` where the handler gave what cannot be written. */
export function encoded({ response }: Route, { onDefect }: { readonly onDefect: OnDefect }, message: unknown): Buffer {
  try {
    return asBuffer(response.encode(message))
  } catch (thrown) {
    onDefect(thrown)
    throw new CallError<never>(unencodable)
  }
}

/** A request or an item of one. Throws a `CallError` for bytes that are too many, or no message. */
export function decoded(
  { request }: Route,
  { maxMessageBytes }: { readonly maxMessageBytes: number },
  bytes: Buffer,
): unknown {
  if (bytes.length > maxMessageBytes)
    throw new CallError<never>(
      notRun('resource_exhausted', 'BODY_TOO_LARGE', `the message is over ${maxMessageBytes} bytes`),
    )
  try {
    return request.decode(bytes)
  } catch (thrown) {
    if (thrown instanceof CallError) throw thrown
    throw new CallError<never>(
      failureOf('invalid_argument', 'MALFORMED_BODY', 'the message cannot be read', { cause: thrown }),
    )
  }
}
