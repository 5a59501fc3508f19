/** Connections of either library meet the port as they are: neither needs a wrapper, and no cast hides that one has changed. */
import type { NatsConnection as ThirdConnection } from '@nats-io/nats-core'
import type { NatsConnection as SecondConnection } from 'nats'
import type { ServerBinding } from 'tenon/contract'
import * as nats from 'tenon/transport/nats'

declare const second: SecondConnection
declare const third: ThirdConnection

export const servers: readonly ServerBinding[] = [nats.server(second), nats.server(third)]
export const clients = [nats.client(second), nats.client(third)]
export const callbacks = [
  second.subscribe('x', { callback: nats.handler({} as never, {} as never) }),
  third.subscribe('x', { callback: nats.handler({} as never, {} as never) }),
]
