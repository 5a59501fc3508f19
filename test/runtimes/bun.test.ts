/** The fetch transport in Bun. */
import { processRuntimeTests } from './process-runtime.js'
import { testsWith } from './programs.js'

testsWith('bun', command => processRuntimeTests({ name: 'bun', command, args: [] }))
