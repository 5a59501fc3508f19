// Clients over NATS: the same calls, of a server that has the other core. A framework's client calls that framework's server.
import type { Bench, Contender } from '../bench.js'
import { called, columns, passes } from './measured.js'

const own = (name: string, module: string, library: string): Contender => ({
  name,
  file: `nats/clients/${module}.mjs`,
  args: ['nats/servers/bare.mjs', library],
})
const peer = (name: string, module: string): Contender => ({
  name,
  file: `peers/nats/${module}-client.mjs`,
  args: [`peers/nats/${module}.mjs`],
})

const v2 = '`request` of `nats` 2'
const v3 = '`request` of `@nats-io/transport-node` 3'
const tenonV2 = 'Tenon on `nats` 2'
const tenonV3 = 'Tenon on `@nats-io/transport-node` 3'

export const natsClients: Bench = {
  name: 'nats-clients',
  title: 'Clients over NATS, requests with three headers, JSON and validation: µs of the client’s CPU time per call',
  contenders: [
    own(v2, 'bare', 'nats'),
    own(tenonV2, 'tenon', 'nats'),
    own(v3, 'bare', '@nats-io/transport-node'),
    own(tenonV3, 'tenon', '@nats-io/transport-node'),
    peer('NestJS', 'nestjs'),
    peer('Moleculer', 'moleculer'),
  ],
  columns: Object.values(columns),
  passes,
  rounds: 9,
  against: { contender: v2, column: columns[64] },
  targets: [
    { ours: tenonV2, theirs: v2, column: columns[64], atMost: 0.4 },
    { ours: tenonV3, theirs: v3, column: columns[64], atMost: 0.4 },
  ],
  peers: ['@nestjs/microservices', 'moleculer', 'nats'],
  run: called,
}
