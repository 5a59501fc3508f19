// Clients over HTTP: the same calls of the same server, which has the other core.
import type { Bench, Contender } from '../bench.js'
import { called, columns, passes } from './measured.js'

const own = (name: string, ...args: readonly string[]): Contender => ({ name, file: 'http/clients/tenon.mjs', args })
const bare = (name: string, ...args: readonly string[]): Contender => ({ name, file: 'http/clients/bare.mjs', args })

const dispatch = 'undici `dispatch`'
const tenon = 'Tenon, undici'

export const httpClients: Bench = {
  name: 'http-clients',
  title: 'Clients over HTTP, 64 calls at a time: µs of the client’s CPU time per call',
  contenders: [
    bare(dispatch, 'dispatch'),
    bare('undici `request`', 'request'),
    bare('node:http `request`', 'http'),
    bare('`fetch` of Node', 'fetch'),
    own(tenon, 'undici'),
    own('Tenon, node:http', 'node'),
    own('Tenon, fetch client', 'fetch'),
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
  run: called,
}
