/** HTTP keeps the conformance suite, with either client stack. */
import { bindingHarness, conformanceTests, runConformance, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import { beforeAll, describe, test } from 'vitest'

const stacks = ['undici', 'node'] as const

describe.each(stacks)('http with %s', stack => {
  const harness = bindingHarness({
    name: `http with ${stack}`,
    server: () => http.server({ port: 0 }),
    client: address => http.client(address, { stack }),
  })
  // The first call loads the client's stack, which on a busy machine takes longer than a case may.
  beforeAll(() => runConformance(transportConformance.slice(0, 1), harness))
  for (const { name, run } of conformanceTests(transportConformance, harness)) test(name, run)
})
