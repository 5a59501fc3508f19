// Loaded as its documentation says, and not used.
import 'fp-ts/lib/function.js'
import 'fp-ts/lib/ReaderTaskEither.js'
