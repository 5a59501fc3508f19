// One case of the transport suite while it runs: what it opened, what was reported as a defect, and calls that cannot hang.
import type { Either } from 'fp-ts/lib/Either.js'
import type { AnyService, ClientBinding, MethodSpec, Runtime, ServedMethod } from '../contract/index.js'
import {
  CallError,
  type CallOptions,
  type Context,
  call,
  type Endpoint,
  type Failure,
  failed,
  fromPromise,
  isFailure,
  systemClock,
  testContext,
} from '../core/index.js'
import * as assert from './assert.js'
import type { ConformanceCase } from './conformance.js'
import { within } from './gate.js'
import type { OpenTransport, TransportHarness } from './transport-harness.js'

/** A case of the transport suite. */
export type TransportCase = ConformanceCase<TransportHarness>

/**
 * Makes a case. What it serves is closed when it ends; a defect that anyone reported, and that the case did not take, fails it.
 */
export function transportCase(name: string, body: (trial: Trial) => Promise<void>): TransportCase {
  return {
    name,
    async run(harness) {
      const trial = new Trial(harness)
      try {
        await body(trial)
      } finally {
        await trial.close()
      }
      assert.deepEqual(trial.takeDefects(), [], 'nothing may be reported as a defect')
    },
  }
}

/** A service of which only the methods that a case calls are implemented. */
export interface PartialService extends Omit<AnyService, 'missing'> {
  readonly missing: readonly PropertyKey[]
}

/** A case while it runs. */
export class Trial {
  readonly harness: TransportHarness
  /** The context of the case's own calls. */
  readonly context: Context
  readonly #opened: OpenTransport[] = []
  #defects: unknown[] = []

  constructor(harness: TransportHarness) {
    this.harness = harness
    this.context = testContext({ onDefect: this.#onDefect })
  }

  readonly #onDefect = (thrown: unknown): void => {
    this.#defects.push(thrown)
  }

  /** Serves services, until the case ends. Methods that the case does not need may be missing. */
  async serve(...services: readonly PartialService[]): Promise<ClientBinding> {
    const report = { ok: true, checks: {} }
    const probes = { live: () => report, ready: () => report }
    const runtime: Runtime = { onDefect: this.#onDefect, clock: systemClock, probes }
    const opened = await this.within('serving', this.harness.open(services.map(completed), runtime))
    this.#opened.push(opened)
    return opened.client
  }

  /** The defects that were reported since they were last taken, on either side. */
  takeDefects(): readonly unknown[] {
    const taken = this.#defects
    this.#defects = []
    return taken
  }

  /** The outcome of something that must happen soon. */
  within<T>(what: string, promise: Promise<T>): Promise<T> {
    return within(this.harness.patienceMs ?? 15_000, what, promise)
  }

  /** Calls an endpoint. */
  call<Req, Res, E>(
    endpoint: Endpoint<Req, Res, E, Context>,
    request: Req,
    options: CallOptions = {},
  ): Promise<Either<Failure | E, Res>> {
    return this.within('the answer', call(endpoint, request, { context: this.context, ...options }))
  }

  /** The response of a call that must succeed. */
  async response<Req, Res, E>(
    endpoint: Endpoint<Req, Res, E, Context>,
    request: Req,
    options?: CallOptions,
  ): Promise<Res> {
    const outcome = await this.call(endpoint, request, options)
    if (outcome._tag === 'Right') return outcome.right
    const defects = this.#defects.map(defect => `\nreported as a defect: ${String(defect)}`)
    return assert.fail(`the call failed: ${shown(outcome.left)}${defects.join('')}`)
  }

  /** The failure of a call that must fail. */
  async failure<Req, Res, E>(
    endpoint: Endpoint<Req, Res, E, Context>,
    request: Req,
    options?: CallOptions,
  ): Promise<Failure | E> {
    const outcome = await this.call(endpoint, request, options)
    return outcome._tag === 'Left' ? outcome.left : assert.fail('the call succeeded')
  }

  /** All items of a stream that must end in order. */
  items<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
    return this.within('the end of the stream', collected(stream))
  }

  /** The items of a stream that must fail, and what it failed with. */
  async brokenItems<T>(stream: AsyncIterable<T>): Promise<{ readonly items: readonly T[]; readonly failure: unknown }> {
    const items: T[] = []
    const reading = async (): Promise<unknown> => {
      for await (const item of stream) items.push(item)
      return undefined
    }
    const thrown = await this.within(
      'the failure of the stream',
      reading().catch((thrown: unknown) => thrown),
    )
    assert.ok(thrown instanceof CallError, `a stream fails with a CallError, not with ${String(thrown)}`)
    return { items, failure: thrown.failure }
  }

  /** Ends what it serves. */
  async close(): Promise<void> {
    await this.within('closing', Promise.all(this.#opened.map(each => each.close())))
  }
}

function completed({ contract, methods }: PartialService): AnyService {
  const all = new Map<string, ServedMethod>()
  for (const [name, spec] of contract.specs) all.set(name, methods.get(name) ?? unimplemented(spec))
  return { contract, missing: [], methods: all }
}

function unimplemented(spec: MethodSpec): ServedMethod {
  const refuse = () => failed('unimplemented', 'UNIMPLEMENTED', `the case has no handler for ${spec.info.name}`)
  return { spec, endpoint: fromPromise<unknown, ReturnType<typeof refuse>>(refuse, spec.info) }
}

async function collected<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** Fails unless `actual` is a failure that a client decoded, with these parts. */
export function assertFailure(actual: unknown, expected: Partial<Failure>): asserts actual is Failure {
  assert.ok(isFailure(actual), `expected a Failure, got ${shown(actual)}`)
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(Reflect.get(actual, name), value, `${name} of ${shown(actual)}`)
  }
}

/** Fails unless a failure says who answered with it. */
export function assertFromPeer(failure: Failure): void {
  assert.ok(typeof failure.peer === 'string' && failure.peer !== '', `a peer in ${shown(failure)}`)
}

function shown(failure: unknown): string {
  return JSON.stringify(failure, (key, value) => (key === 'cause' ? String(value) : value))
}
