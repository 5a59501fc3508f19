// Codecs of single endpoints work message by message, whether these come alone or in a stream.
import type { Awaitable } from '../../core/index.js'

/** The messages of a stream; of anything else, itself. */
export type ItemOf<T> = T extends AsyncIterable<infer Item> ? Item : T

/** A stream whose items are made of those of another. */
export async function* mapped<In, Out>(
  items: AsyncIterable<In>,
  change: (item: In) => Awaitable<Out>,
): AsyncGenerator<Out, void, undefined> {
  for await (const item of items) yield await change(item)
}
