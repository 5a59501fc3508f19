/** The fetch transport in Deno, which is allowed the network and nothing else. */
import { processRuntimeTests } from './process-runtime.js'
import { testsWith } from './programs.js'

const args = ['run', '--quiet', '--no-prompt', '--node-modules-dir=manual', '--allow-net=127.0.0.1']

testsWith('deno', command => processRuntimeTests({ name: 'deno', command, args }))
