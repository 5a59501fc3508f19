/** HTTP keeps the conformance suite, with either client stack. */
import { bindingHarness, conformanceTests, transportConformance } from 'tenon/testkit'
import * as http from 'tenon/transport/http'
import { describe, test } from 'vitest'

const stacks = ['undici', 'node'] as const

describe.each(stacks)('http with %s', stack => {
  const harness = bindingHarness({
    name: `http with ${stack}`,
    server: () => http.server({ port: 0 }),
    client: address => http.client(address, { stack }),
  })
  for (const { name, run } of conformanceTests(transportConformance, harness)) test(name, run)
})
