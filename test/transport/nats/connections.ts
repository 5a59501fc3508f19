/** Connections to a test's NATS server, with either library. */
import * as transportNode from '@nats-io/transport-node'
import * as nats from 'nats'
import { type ConnectionDefaults, connectionDefaults, type NatsConnection } from 'tenon/transport/nats'

/** A connection of either library, and what ends it. */
export interface TestConnection extends NatsConnection {
  close(): Promise<void>
}

/** Both libraries, by their names. */
export const libraries: Readonly<Record<string, (port: number, more?: ConnectionOptions) => Promise<TestConnection>>> =
  {
    nats: (port, more) => nats.connect(optionsFor(port, more)),
    '@nats-io/transport-node': (port, more) => transportNode.connect(optionsFor(port, more)),
  }

/** Options of both libraries, beside or instead of our defaults. */
export type ConnectionOptions = Partial<ConnectionDefaults> & { readonly inboxPrefix?: string }

function optionsFor(port: number, more: ConnectionOptions = {}): ConnectionOptions & { servers: string } {
  return { ...connectionDefaults, ...more, servers: `127.0.0.1:${port}` }
}
