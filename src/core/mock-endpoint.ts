// An endpoint that a test answers by hand, so that a test of a middleware reads as a dialogue (after tower-test's mock).
import type { Context } from './context.js'
import { left, right } from './either.js'
import type { Endpoint } from './endpoint.js'
import type { Failure } from './failure.js'
import { fromRemote } from './make.js'
import type { MethodInfo } from './method.js'

/** One call that reached a {@link MockEndpoint}. Answer it once. */
export interface MockCall<Req, Res, E> {
  readonly request: Req
  readonly context: Context
  /** Answers with a response. */
  respond(response: Res): void
  /** Answers with a failure, whose `ran` stands. */
  fail(failure: Failure | E): void
  /** As if the code had a defect. */
  throws(thrown: unknown): void
}

/** An endpoint, and the test's side of it. */
export interface MockEndpoint<Req, Res, E> {
  readonly endpoint: Endpoint<Req, Res, E>
  /** The next call that reached the endpoint and was not taken yet; waits for one. */
  next(): Promise<MockCall<Req, Res, E>>
  /** How many calls have reached it. */
  readonly calls: number
}

/** Makes an endpoint that answers nothing by itself. Failures keep the `ran` that the test gives them. */
export function mockEndpoint<Req = unknown, Res = unknown, E = never>(method?: MethodInfo): MockEndpoint<Req, Res, E> {
  const arrived: MockCall<Req, Res, E>[] = []
  const waiting: ((call: MockCall<Req, Res, E>) => void)[] = []
  let calls = 0
  const endpoint = fromRemote<Req, Res, E>(
    'mock',
    (request, context) =>
      new Promise((resolve, reject) => {
        calls++
        const call: MockCall<Req, Res, E> = {
          request,
          context,
          respond: response => resolve(right(response)),
          fail: failure => resolve(left(failure)),
          throws: reject,
        }
        const waiter = waiting.shift()
        if (waiter === undefined) arrived.push(call)
        else waiter(call)
      }),
    method,
  )
  return {
    endpoint,
    get calls() {
      return calls
    },
    next() {
      const call = arrived.shift()
      return call === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(call)
    },
  }
}
