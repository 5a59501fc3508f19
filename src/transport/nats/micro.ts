// NATS's own protocol for services (ADR-32): they say who they are, what they serve and how it goes to whoever asks, so that
// `nats micro` and other makers' clients find them. One of these stands for one contract that is served.
import type { AnyService } from '../../contract/index.js'
import type { Clock, DomainFailure, Failure } from '../../core/index.js'
import { isFailure } from '../../core/index.js'

/** Options of `micro`: what a service says of itself. */
export interface MicroOptions {
  /** Which version runs, as semantic versioning has it. @defaultValue '0.0.0' */
  readonly version?: string
  /** What it is, for people. @defaultValue none */
  readonly description?: string
  /** More about it: `{ region: 'eu' }`. @defaultValue none */
  readonly metadata?: Readonly<Record<string, string>>
}

/** How a method has gone so far. */
class Endpoint {
  readonly subject: string
  readonly name: string
  readonly #queue: string
  #requests = 0
  #errors = 0
  #lastError = ''
  #totalMs = 0

  constructor(subject: string, name: string, queue: string) {
    this.subject = subject
    this.name = name
    this.#queue = queue
  }

  ended(ms: number, failure: Failure | DomainFailure | undefined): void {
    this.#requests++
    this.#totalMs += ms
    if (failure === undefined) return
    this.#errors++
    this.#lastError = isFailure(failure) ? `${failure.code}: ${failure.reason}` : failure._tag
  }

  info(): object {
    return { name: this.name, subject: this.subject, queue_group: this.#queue, metadata: {} }
  }

  stats(): object {
    const { name, subject } = this
    const total = Math.round(this.#totalMs * 1e6)
    return {
      name,
      subject,
      queue_group: this.#queue,
      num_requests: this.#requests,
      num_errors: this.#errors,
      last_error: this.#lastError,
      processing_time: total,
      average_processing_time: this.#requests === 0 ? 0 : Math.round(total / this.#requests),
    }
  }
}

/** What there is to know of the service that is served. */
export class MicroService {
  readonly endpoints: ReadonlyMap<string, Endpoint>
  readonly #identity: object
  readonly #description: string
  readonly #subjects: readonly string[]
  readonly #started: string

  constructor({ contract, methods }: AnyService, queue: string, clock: Clock, options: MicroOptions) {
    const { version = '0.0.0', description = '', metadata = {} } = options
    const name = microName(contract.name)
    const id = crypto.randomUUID().replaceAll('-', '').slice(0, 22).toUpperCase()
    this.#identity = { name, id, version, metadata }
    this.#description = description
    this.#subjects = ['', `.${name}`, `.${name}.${id}`]
    this.#started = new Date(clock.wallTime()).toISOString()
    const names = [...methods.keys()]
    this.endpoints = new Map(names.map(each => [each, new Endpoint(`${contract.name}.${each}`, each, queue)]))
  }

  /** Each subject that it answers to, with the answer, which is JSON. */
  *answers(): Generator<readonly [subject: string, answer: () => string], void, undefined> {
    for (const [verb, answer] of Object.entries(this.#answers()))
      for (const rest of this.#subjects) yield [`$SRV.${verb}${rest}`, () => JSON.stringify(answer())]
  }

  #answers(): Readonly<Record<string, () => object>> {
    const { endpoints } = this
    const list = (of: (each: Endpoint) => object): readonly object[] => [...endpoints.values()].map(of)
    const typed = (type: string, more: object): object => ({
      type: `io.nats.micro.v1.${type}`,
      ...this.#identity,
      ...more,
    })
    return {
      PING: () => typed('ping_response', {}),
      INFO: () => typed('info_response', { description: this.#description, endpoints: list(each => each.info()) }),
      STATS: () => typed('stats_response', { started: this.#started, endpoints: list(each => each.stats()) }),
    }
  }
}

/** The protocol's names have no dots: `shop.v1.Orders` is `shop_v1_Orders`. */
function microName(service: string): string {
  return service.replace(/[^A-Za-z0-9_-]/g, '_')
}

/** `options` as they are. Throws `TypeError` for a version that is none. */
export function checkedMicro(options: MicroOptions | false): MicroOptions | false {
  const version = options === false ? undefined : options.version
  if (version !== undefined && !/^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/.test(version))
    throw new TypeError(`nats: micro.version must be a semantic version, got ${JSON.stringify(version)}`)
  return options
}
