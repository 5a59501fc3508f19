/** The memory transport keeps the conformance suite, as it is and with JSON on the way. */
import { conformanceTests, memoryHarness, transportConformance } from 'tenon/testkit'
import { describe, test } from 'vitest'

const nothingIsSent = 'no message becomes bytes, so that none is too large'
const limits = {
  'limits: a request above the limit is refused': nothingIsSent,
  'limits: a request far above the limit is refused': nothingIsSent,
  'limits: what counts is the size in bytes': nothingIsSent,
  'limits: an item above the limit fails its stream': nothingIsSent,
}
const nothingIsWritten = 'messages pass as they are, so that anything can be passed'
const writing = {
  'failures: details that cannot be written are a defect of the service': nothingIsWritten,
  'request streams: an item that cannot be written ends the call as cancelled': nothingIsWritten,
  'streams: an item that cannot be written is a defect of the service': nothingIsWritten,
  'streams: a failure in the middle whose details cannot be written is a defect of the service': nothingIsWritten,
  'messages: a request that cannot be written is refused before it is sent': nothingIsWritten,
  'messages: a response that cannot be written is a defect of the service': nothingIsWritten,
}

describe('memory with JSON', () => {
  const deviations = limits
  for (const { name, run } of conformanceTests(transportConformance, memoryHarness({ json: true }), { deviations })) {
    test(name, run)
  }
})

describe('memory', () => {
  const deviations = { ...limits, ...writing }
  for (const { name, run } of conformanceTests(transportConformance, memoryHarness({ json: false }), { deviations })) {
    test(name, run)
  }
})
