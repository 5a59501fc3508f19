// Servers over NATS: one method, as its users would write it, under the same load.
import type { Bench, Contender } from '../bench.js'
import { columns, passes, served } from './measured.js'

const own = (name: string, module: string, ...args: readonly string[]): Contender => ({
  name,
  file: `nats/servers/${module}.mjs`,
  args,
})
const peer = (name: string, module: string): Contender => ({ name, file: `peers/nats/${module}.mjs` })

const v2 = '`nats` 2, by hand'
const v3 = '`@nats-io/transport-node` 3, by hand'
const tenonV2 = 'Tenon on `nats` 2'
const tenonV3 = 'Tenon on `@nats-io/transport-node` 3'

export const natsServers: Bench = {
  name: 'nats-servers',
  title: 'Servers over NATS, requests with three headers, JSON and validation: µs of the server’s CPU time per request',
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
    { ours: tenonV2, theirs: v2, column: columns[64], atMost: 1.3 },
    { ours: tenonV3, theirs: v3, column: columns[64], atMost: 1.3 },
  ],
  peers: ['@nestjs/microservices', 'moleculer', 'nats'],
  run: served,
}
