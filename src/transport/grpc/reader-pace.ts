// grpc-js takes readers of streams for quick ones. It tells of a status that is a failure as soon as that has come, and drops the messages
// that were sent before it and have not been read: with a slow reader, all of them. And once two messages have come before the first is
// asked for, it holds its stream back no more until all have been read, and keeps what comes meanwhile, without limit. Until it waits
// in both cases, this has it wait, call by call. What is touched is its own affair, so nothing is where it is not as known (1.14).

const ok = 0

/** The lowest part of a call, as far as it is touched. */
interface Http2Call {
  finalStatus: { readonly code: number } | null
  readsClosed: boolean
  canPush: boolean
  readonly isPushPending: boolean
  readonly unpushedReadMessages: unknown[]
  readonly http2Stream: { readonly destroyed: boolean; pause(): void; resume(): void }
  push(message: unknown): void
  outputStatus(): void
  maybeOutputStatus(): void
  startRead(): void
}

/**
 * Has a call whose headers have just come receive no more than is asked for, and tell of its status when all its messages have been
 * read. Gives the part of it that reads them.
 */
export function atReadersPace(call: object): object | undefined {
  const lowest = lowestOf(call)
  if (lowest === undefined) return undefined
  lowest.http2Stream.pause() // goes on with the first that is asked for
  const { maybeOutputStatus, startRead } = lowest
  const isFailed = (): boolean => lowest.finalStatus !== null && lowest.finalStatus.code !== ok
  const hasEnded = (): boolean => lowest.readsClosed || lowest.http2Stream.destroyed
  lowest.maybeOutputStatus = () => {
    if (!isFailed()) maybeOutputStatus.call(lowest)
    else if (hasEnded() && lowest.unpushedReadMessages.length === 0 && !lowest.isPushPending) lowest.outputStatus()
  }
  lowest.startRead = () => {
    if (!isFailed() || (hasEnded() && lowest.unpushedReadMessages.length === 0)) {
      startRead.call(lowest)
      return
    }
    lowest.canPush = true
    if (lowest.unpushedReadMessages.length > 0) lowest.push(lowest.unpushedReadMessages.shift())
    else lowest.http2Stream.resume()
  }
  return lowest
}

/** Calls of grpc-js are around one another: each with a `child`, and the one that could retry with its attempts. */
function lowestOf(call: object): Http2Call | undefined {
  let part: unknown = call
  for (let depth = 0; depth < 5 && typeof part === 'object' && part !== null; depth++) {
    if (isHttp2Call(part)) return part
    const attempts: unknown = Reflect.get(part, 'underlyingCalls')
    const last: unknown = Array.isArray(attempts) ? attempts.at(-1) : undefined
    part = typeof last === 'object' && last !== null ? Reflect.get(last, 'call') : Reflect.get(part, 'child')
  }
  return undefined
}

function isHttp2Call(part: object): part is Http2Call {
  const has = (name: keyof Http2Call, type: string): boolean => typeof Reflect.get(part, name) === type
  const functions = (['push', 'outputStatus', 'maybeOutputStatus', 'startRead'] as const).every(name =>
    has(name, 'function'),
  )
  return (
    functions &&
    'finalStatus' in part &&
    'readsClosed' in part &&
    'canPush' in part &&
    'isPushPending' in part &&
    Array.isArray(Reflect.get(part, 'unpushedReadMessages')) &&
    has('http2Stream', 'object')
  )
}
