// A caller's items as the body of its request: lines of JSON, or the pieces of a body that is bytes.
import type { RawField } from '../../contract/index.js'
import { observe } from '../../core/call-error.js'
import { carriedOf } from '../../core/context.js'
import { CallError, type Context, type Failure } from '../../core/index.js'
import { gaveUp } from '../request-stream.js'
import { ndjson } from './ndjson.js'
import { bytesIn } from './raw-body.js'

const encoder = new TextEncoder()

/** The caller's items as lines. Where its iterable fails, the server is told, and the caller hears what it made of that. */
export async function* linesOf(
  items: AsyncIterable<unknown>,
  context: Context,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { scope } = carriedOf(context)
  const encoded = (item: unknown): Uint8Array => {
    try {
      return encoder.encode(ndjson.item(item))
    } catch (thrown) {
      observe(scope.onDefect, thrown) // an item of the caller's that cannot be sent
      throw new CallError(gaveUp)
    }
  }
  yield encoder.encode('\n') // takes the headers along: the server may answer before the first item
  try {
    for await (const item of items) yield encoded(item)
  } catch (thrown) {
    scope.caught(thrown) // tells of a defect
    yield encoder.encode(ndjson.failure(gaveUp, {}))
    return
  }
  yield encoder.encode(ndjson.end({}))
}

/** Why a body broke off: the connection says only that it did. */
export interface Breaking {
  failure?: Failure
}

/** The caller's items as bytes. Where its iterable fails, the body breaks off, which is all that a server can be told. */
export async function* bytesOf(
  raw: RawField,
  items: AsyncIterable<unknown>,
  { context, breaking }: { readonly context: Context; readonly breaking: Breaking | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { scope } = carriedOf(context)
  try {
    for await (const item of items) {
      const { bytes } = bytesIn(raw, item)
      if (bytes.length > 0) yield bytes
    }
  } catch (thrown) {
    scope.caught(thrown)
    if (breaking !== undefined) breaking.failure = gaveUp
    throw thrown
  }
}
