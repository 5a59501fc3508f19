/** Connections to a test's NATS server, with either library. */
import * as transportNode from '@nats-io/transport-node'
import * as nats from 'nats'
import { type ConnectionDefaults, connectionDefaults, type NatsConnection } from 'tenon/transport/nats'

/** A connection of either library, and what ends it. */
export interface TestConnection extends NatsConnection {
  close(): Promise<void>
}

/** Both libraries, by their names. */
export const libraries: Readonly<Record<string, (port: number) => Promise<TestConnection>>> = {
  nats: port => nats.connect(optionsFor(port)),
  '@nats-io/transport-node': port => transportNode.connect(optionsFor(port)),
}

function optionsFor(port: number): ConnectionDefaults & { servers: string } {
  return { ...connectionDefaults, servers: `127.0.0.1:${port}` }
}
