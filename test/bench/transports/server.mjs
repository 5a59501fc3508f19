// Serves the service over the transport that its first argument names; the second is where the broker is, if any.
import { bindings } from './bindings.mjs'
import { serving } from './talking.mjs'

const [, , transport, broker] = process.argv
serving(await bindings[transport].serve(broker))
