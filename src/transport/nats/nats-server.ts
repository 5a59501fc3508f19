// The server: which message is which call, how many go on, and a way to stop that loses none.
import type { AnyService, Listening, Runtime, ServedMethod } from '../../contract/index.js'
import {
  CallError,
  type DomainFailure,
  type Failure,
  failureOf,
  type Incoming,
  incoming,
  type Metadata,
} from '../../core/index.js'
import { noMetadata } from '../../core/metadata.js'
import { deadlineMsOf } from '../../core/method.js'
import { attemptsFrom, notRun, timeoutFrom } from '../wire-headers.js'
import { bodyOf } from './body.js'
import type { NatsMessage, NatsSubscription } from './connection.js'
import { creditHeader, receivedMetadata, soughtIn } from './headers.js'
import type { Line } from './line.js'
import { MicroService } from './micro.js'
import { Responder } from './responder.js'
import { RunningCalls } from './running-calls.js'
import { type Served, ServedCall } from './served-call.js'
import { ServedStream } from './served-stream.js'
import type { Settings } from './server-options.js'

/** A method, and how it has gone. */
interface Method {
  readonly served: ServedMethod
  readonly stats: { ended(ms: number, failure: Failure | DomainFailure | undefined): void } | undefined
}

/** A server that listens, or is about to. */
export class NatsServer implements Listening {
  readonly #line: Line
  readonly #services: readonly AnyService[]
  readonly #runtime: Runtime
  readonly #settings: Settings
  readonly #responder: Responder
  readonly #methods: Map<string, Method> = new Map()
  readonly #calls: RunningCalls
  readonly #subscriptions: NatsSubscription[] = []
  readonly #described: MicroService[] = []
  #unuse: (() => void) | undefined
  #unwatch: (() => void) | undefined
  #drained: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(line: Line, services: readonly AnyService[], runtime: Runtime, settings: Settings) {
    this.#line = line
    this.#services = services
    this.#runtime = runtime
    this.#settings = settings
    this.#responder = new Responder(line, runtime.onDefect)
    this.#calls = new RunningCalls(runtime.clock)
    const { queue, micro } = settings
    for (const service of services) {
      const described = new MicroService(service, queue, runtime.clock, micro === false ? {} : micro)
      if (micro !== false) this.#described.push(described)
      for (const [name, served] of service.methods) {
        const stats = described.endpoints.get(name)
        this.#methods.set(`${service.contract.name}.${name}`, { served, stats })
      }
    }
  }

  get addresses(): readonly string[] {
    return [`nats://${this.#line.server}`]
  }

  get callsInFlight(): number {
    return this.#calls.size
  }

  unready(): string | undefined {
    return this.#line.ending
  }

  async listen(): Promise<Listening> {
    const { connection } = this.#line
    const { queue } = this.#settings
    this.#unuse = this.#line.use()
    this.#unwatch = this.#line.watch({ onClosed: this.#runtime.onDefect })
    for (const { contract } of this.#services) {
      this.#subscribe(`${contract.name}.*`, message => this.#begin(message), queue)
    }
    for (const described of this.#described)
      for (const [subject, answer] of described.answers())
        this.#subscribe(subject, ({ reply = '' }) => {
          if (reply !== '') this.#line.send(reply, bodyOf(answer()))
        })
    await connection.flush()
    return this
  }

  #subscribe(subject: string, take: (message: NatsMessage) => void, queue?: string): void {
    const callback = (error: Error | null, message: NatsMessage): void => {
      try {
        if (error === null) take(message)
        else this.#runtime.onDefect(error) // the server's user may not subscribe
      } catch (thrown) {
        this.#runtime.onDefect(thrown)
      }
    }
    const options = queue === undefined ? { callback } : { callback, queue }
    this.#subscriptions.push(this.#line.connection.subscribe(subject, options))
  }

  #begin(message: NatsMessage): void {
    const { subject, reply = '' } = message
    const served = this.#methods.get(subject)
    if (served === undefined) {
      this.#refuse(reply, notRun('unimplemented', 'ROUTE_NOT_FOUND', 'there is no such method'))
      return
    }
    const { maxCalls, maxHeaders, maxBodyBytes } = this.#settings
    if (this.#calls.size >= maxCalls) {
      this.#refuse(reply, notRun('resource_exhausted', 'TOO_MANY_CALLS', `${maxCalls} calls are going on`))
      return
    }
    const sought = soughtIn(message.headers, maxHeaders)
    if (sought === undefined) {
      this.#refuse(
        reply,
        notRun('resource_exhausted', 'HEADERS_TOO_LARGE', `there are more than ${maxHeaders} headers`),
      )
      return
    }
    if (message.data.length > maxBodyBytes) {
      const text = `the message has more than ${maxBodyBytes} bytes`
      this.#refuse(reply, notRun('resource_exhausted', 'BODY_TOO_LARGE', text))
      return
    }
    this.#start(served, message, sought)
  }

  #start({ served, stats }: Method, message: NatsMessage, sought: Sought): void {
    const { data, reply = '' } = message
    const { clock, onDefect } = this.#runtime
    const startedAt = clock.now()
    const { info } = served.spec
    const most =
      info.kind === 'unary' ? this.#settings.maxDeadlineMs : Math.max(this.#settings.maxDeadlineMs, 3_600_000)
    const get = (name: string): string | undefined => sought[name]
    const metadata = (): Metadata => receivedMetadata(message.headers, Number.POSITIVE_INFINITY) ?? noMetadata
    let call: Served
    try {
      const { attempt, maxAttempts } = attemptsFrom(get)
      const deadlineMs = Math.min(timeoutFrom(get) ?? deadlineMsOf(info), most)
      const begun = incoming({ deadlineMs, attempt, maxAttempts, metadata, transport: 'nats', clock, onDefect })
      const onEnd = (ended: Served, failure?: Failure | DomainFailure): void => {
        stats?.ended(clock.now() - startedAt, failure)
        this.#ended(ended)
      }
      call = this.#running(begun, served, { reply, credit: creditIn(get(creditHeader)), onEnd })
    } catch (thrown) {
      this.#responder.fail(reply, this.#responder.refusalOf(thrown), served.spec)
      return
    }
    this.#calls.add(call)
    call.start(data)
  }

  #running(begun: Incoming, served: ServedMethod, asked: Asked): Served {
    const { reply, onEnd } = asked
    const [line, responder] = [this.#line, this.#responder]
    if (served.spec.info.kind === 'unary') return new ServedCall(begun, served, { reply, line, responder, onEnd })
    if (asked.reply === '')
      throw new CallError<never>(notRun('invalid_argument', 'INVALID_REQUEST', 'a stream needs a reply subject'))
    const { onDefect } = this.#runtime
    return new ServedStream(begun, served, { ...asked, ...this.#settings, responder, line, onDefect })
  }

  #refuse(reply: string, failure: Failure): void {
    this.#responder.fail(reply, failure, undefined)
  }

  #ended(call: Served): void {
    this.#calls.delete(call)
    if (this.#calls.size === 0) this.#onIdle?.()
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    this.#unwatch?.()
    // One that rejects has ended with its connection.
    await Promise.all(this.#subscriptions.map(each => each.drain().catch(() => {})))
    await new Promise<void>(resolve => {
      this.#onIdle = resolve
      if (this.#calls.size === 0) resolve()
    })
    if (this.#line.isUp) await this.#line.connection.flush().catch(() => {}) // what was answered has been sent
  }

  async close(): Promise<void> {
    const stopping = failureOf('unavailable', 'CONNECTION_LOST', 'the server stopped')
    this.#unwatch?.()
    for (const call of this.#calls.all()) call.cancel(stopping)
    this.#calls.close()
    if (!this.#line.connection.isClosed()) for (const each of this.#subscriptions) each.unsubscribe()
    this.#unuse?.()
  }
}

/** See {@link soughtIn}. */
type Sought = NonNullable<ReturnType<typeof soughtIn>>

/** What a request asks for, and what its end is told to. */
interface Asked {
  readonly reply: string
  readonly credit: number
  onEnd(call: Served, failure?: Failure | DomainFailure): void
}

/** How much of a response stream may be sent to begin with: none where the caller does not say. */
function creditIn(value: string | undefined): number {
  return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : 0
}
