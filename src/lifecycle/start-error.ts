// Why a process could not start, in words that say what to do: the one message that is read by somebody in a hurry.

/** A binding could not listen. The message is one line; `cause` is what the binding rejected with. */
export class StartError extends Error {
  override readonly name: string = 'StartError'
  /** The binding's name: `http`. */
  readonly binding: string

  constructor(binding: string, cause: unknown) {
    super(startMessage(binding, cause), { cause })
    this.binding = binding
  }
}

/** `http: 127.0.0.1:8080 is taken by another process`, whatever the binding has wrapped the system's error in. */
function startMessage(binding: string, cause: unknown): string {
  for (let error = cause, depth = 0; error instanceof Error && depth < 5; depth++) {
    const facts: SystemError = error
    const explain = typeof facts.code === 'string' ? explanations[facts.code] : undefined
    // Of a name with several addresses Node tells the first code and which address it was only further down.
    if (explain !== undefined && !(error instanceof AggregateError)) return `${binding}: ${explain(facts)}`
    error = error instanceof AggregateError ? error.errors[0] : error.cause
  }
  const text = oneLine(cause instanceof Error ? cause.message || cause.name : String(cause))
  return text.startsWith(`${binding}: `) ? text : `${binding}: ${text}`
}

/** The fields that Node adds to errors of the system; all optional, for the error may be anybody's. */
interface SystemError extends Error {
  readonly code?: unknown
  readonly address?: unknown
  readonly port?: unknown
  readonly hostname?: unknown
}

const explanations: Readonly<Record<string, (error: SystemError) => string>> = {
  EADDRINUSE: error => `${whereOf(error)} is taken by another process`,
  EACCES: error => `${whereOf(error)} needs permission${isLowPort(error.port) ? ', as ports below 1024 do' : ''}`,
  EPERM: error => `${whereOf(error)} needs permission`,
  EADDRNOTAVAIL: error => `${whereOf(error)} is no address of this machine`,
  ENOTFOUND: error => `the host ${typeof error.hostname === 'string' ? error.hostname : ''} is not known`,
  ECONNREFUSED: error => `${whereOf(error)} refuses connections: is it running?`,
}

function whereOf({ address, port }: SystemError): string {
  const hasPort = typeof port === 'number' && port >= 0
  if (typeof address !== 'string') return hasPort ? `port ${port}` : 'its address'
  if (!hasPort) return address // a socket's path
  if (address === '::' || address === '0.0.0.0') return `port ${port}`
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function isLowPort(port: unknown): boolean {
  return typeof port === 'number' && port > 0 && port < 1024
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim()
}
