// The check of numbers in the options of this folder.
import { type Limit, limitsOf } from '../limit.js'

/** See {@link limitsOf}. */
export const limit: Limit = limitsOf('grpc')
