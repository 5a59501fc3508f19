// A response that an `endpoint` has read whole, for its codec.
import { CallError, failureOf } from '../../core/index.js'
import { parseJson } from '../json.js'
import type { EndpointResponse } from './endpoint-options.js'

/** A response with its JSON. No class: who spreads it keeps all of it. */
export function readResponse(read: Omit<EndpointResponse, 'json'>): EndpointResponse {
  return { ...read, json: () => jsonIn(read) }
}

function jsonIn({ text, status, peer }: Omit<EndpointResponse, 'json'>): unknown {
  try {
    return parseJson(text)
  } catch (cause) {
    const message = `${peer} answered ${status} with a body that is no JSON`
    throw new CallError<never>(failureOf('internal', 'INVALID_RESPONSE', message, { peer, details: { status }, cause }))
  }
}
