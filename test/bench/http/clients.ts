// Clients over HTTP: the same calls of the same server, which has the other core.
import type { Bench, Contender } from '../bench.js'
import { called, columns, passes, requests } from './measured.js'

const own = (name: string, ...args: readonly string[]): Contender => ({ name, file: 'http/clients/tenon.mjs', args })
const bare = (name: string, ...args: readonly string[]): Contender => ({ name, file: 'http/clients/bare.mjs', args })

/** A row without a target. */
const briefly = (contender: Contender): Contender => ({ ...contender, rounds: 3 })

const dispatch = 'undici `dispatch`'
const tenon = 'Tenon, undici'
const slow: ReadonlySet<string> = new Set(['`fetch` of Node', 'Tenon, fetch client'])

export const httpClients: Bench = {
  name: 'http-clients',
  title: 'Clients over HTTP, 64 calls at a time: µs of the client’s CPU time per call',
  contenders: [
    bare(dispatch, 'dispatch'),
    briefly(bare('undici `request`', 'request')),
    briefly(bare('node:http `request`', 'http')),
    briefly(bare('`fetch` of Node', 'fetch')),
    own(tenon, 'undici'),
    briefly(own('Tenon, node:http', 'node')),
    briefly(own('Tenon, fetch client', 'fetch')),
  ],
  columns: Object.values(columns),
  passes,
  rounds: 9,
  against: { contender: dispatch, column: columns.post },
  targets: [
    ...Object.values(columns).map(column => ({ ours: tenon, theirs: dispatch, column, atMost: 1.2 })),
    { ours: 'Tenon, node:http', theirs: 'node:http `request`', column: columns.post },
    { ours: 'Tenon, fetch client', theirs: '`fetch` of Node', column: columns.post },
  ],
  peers: ['undici', 'zod'],
  run: (contender, pass) => called(contender, pass, slow.has(contender.name) ? requests.slow : requests.fast),
}
