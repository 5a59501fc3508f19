// "tenon/transport": what transports are made with, ours and others': the wire form of messages, and the rules of what
// travels beside them.
export { jsonText, parseJson, toWire } from './json.js'
export {
  type Attempts,
  attemptHeader,
  attemptsFrom,
  metadataFrom,
  notRun,
  outgoingOf,
  ranHeader,
  retryAfterHeader,
  timeoutFrom,
  timeoutHeader,
  trailerPrefix,
} from './wire-headers.js'
