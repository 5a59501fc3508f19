// "tenon/testkit": conformance suites, for whoever implements one of Tenon's ports. Needs no test runner.
export {
  type ConformanceCase,
  type ConformanceOptions,
  type ConformanceResult,
  type ConformanceTest,
  conformanceTests,
  runConformance,
} from './conformance.js'
export { type StoreCase, type StoreHarness, storeConformance } from './store-conformance.js'
export { transportConformance } from './transport-conformance.js'
export {
  type BindingHarnessOptions,
  bindingHarness,
  type MemoryHarnessOptions,
  memoryHarness,
  type OpenTransport,
  type TransportHarness,
} from './transport-harness.js'
export { type TransportCase, Trial, transportCase } from './trial.js'
