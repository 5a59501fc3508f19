// What the page offers to the tests outside: the conformance suite, and calls to the server that the page came from.
import { call, connect } from 'tenon'
import { transportConformance } from 'tenon/testkit'
import * as fetch from 'tenon/transport/http/fetch'
import { calls, departures, streamedRequests } from './crossing.js'
import { Demo } from './demo.js'
import { crossing, harnessWithoutNetwork, type Told, toldOf } from './program.js'
import { type Shopping, shopCases } from './shop.js'

const client = () => fetch.client(location.origin)

declare const location: { readonly origin: string }

/** By name, as the tests ask for them. */
const tasks: Readonly<Record<string, (token: string) => Promise<readonly Told[]>>> = {
  suite: () => toldOf(transportConformance, harnessWithoutNetwork),
  crossing: () => crossing(client(), [...calls, ...departures, ...streamedRequests]),
  shop: token => toldOf(shopCases, { client: client(), token } satisfies Shopping),
}

/** What comes of a call with a request stream. */
async function sumRefused(): Promise<unknown> {
  const outcome = await call(
    connect(Demo, client()).sum,
    (async function* () {
      yield { count: 1 }
    })(),
  )
  return outcome._tag === 'Left' ? outcome.left : outcome.right
}

Object.assign(globalThis, { tasks, sumRefused })
