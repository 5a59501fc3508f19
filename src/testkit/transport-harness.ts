// What the transport suite needs of a transport: to serve services, and a client of what it serves. Two functions, so that
// a third party's transport joins in with three lines.
import type {
  AnyService,
  ClientBinding,
  Listening,
  MethodSpec,
  RemoteCall,
  Runtime,
  ServerBinding,
} from '../contract/index.js'
import { failed } from '../core/index.js'
import { client as memoryClient } from '../transport/memory/index.js'

/** A transport, as the suite sees it. */
export interface TransportHarness {
  /** `http`, for messages. */
  readonly name: string
  /** The largest message that the server takes, in bytes. @defaultValue 1 048 576 */
  readonly maxMessageBytes?: number
  /**
   * The most that may be on its way while the reader of a stream waits, in bytes, all that is underneath included: a sender that gets
   * further ahead was not made to wait. The default allows for TCP on Linux, whose kernel takes up to 4 MiB from a sender and
   * keeps up to 16 MiB for a reader, and for a runtime that reads 2 MiB ahead; without sockets it is far too much.
   * @defaultValue 25 165 824 (24 MiB)
   */
  readonly maxBufferedBytes?: number
  /**
   * How long anything that must happen may take, in ms: long, because a machine may be busy, and none of it is about speed.
   * @defaultValue 15 000
   */
  readonly patienceMs?: number
  /** Serves the services, and connects to them. Called several times at once by cases with several hops. */
  open(services: readonly AnyService[], runtime: Runtime): Promise<OpenTransport>
}

/** Services being served, and a client of them. */
export interface OpenTransport {
  readonly client: ClientBinding
  /** Ends both, whatever is still going on. */
  close(): Promise<void>
}

/** Options of {@link bindingHarness}. */
export interface BindingHarnessOptions {
  /** `http`, for messages. */
  readonly name: string
  /** A new server, on an address that is free: `() => http.server({ port: 0 })`. */
  readonly server: () => ServerBinding
  /** A new client of the address that the server listens on: `address => http.client(address)`. */
  readonly client: (address: string) => ClientBinding
  /** The largest message that the server takes, in bytes. @defaultValue 1 048 576 */
  readonly maxMessageBytes?: number
  /** As of {@link TransportHarness}. @defaultValue 25 165 824 (24 MiB) */
  readonly maxBufferedBytes?: number
}

/** The harness of a transport that has the usual `server` and `client`. */
export function bindingHarness(options: BindingHarnessOptions): TransportHarness {
  const { server, client, ...rest } = options
  return {
    ...rest,
    async open(services, runtime) {
      const listening = await server().listen(services, runtime)
      const [address] = listening.addresses
      if (address === undefined) throw new TypeError(`${options.name}: the server has no address`)
      const binding = client(address)
      return { client: binding, close: () => closeBoth(binding, listening) }
    },
  }
}

async function closeBoth(client: ClientBinding, listening: Listening): Promise<void> {
  await Promise.all([client.close(), listening.close()])
}

/** Options of {@link memoryHarness}. */
export interface MemoryHarnessOptions {
  /** Whether messages become JSON text and back on the way. @defaultValue true */
  readonly json?: boolean
}

/** The harness of the memory transport: the reference, to try new cases on. */
export function memoryHarness(options: MemoryHarnessOptions = {}): TransportHarness {
  const { json = true } = options
  return {
    name: json ? 'memory with JSON' : 'memory',
    maxBufferedBytes: 256 << 10,
    async open(services, { onDefect }) {
      const bindings = services.map(service => ({ service, binding: memoryClient(service, { json, onDefect }) }))
      const client: ClientBinding = {
        name: 'memory',
        peer: 'memory',
        method(spec) {
          const found = bindings.find(({ service }) => service.contract.name === spec.info.service)
          return found === undefined ? notServed(spec) : found.binding.method(spec)
        },
        close: async () => void (await Promise.all(bindings.map(({ binding }) => binding.close()))),
      }
      return { client, close: () => client.close() }
    },
  }
}

function notServed({ info }: MethodSpec): RemoteCall {
  const message = `there is no service ${info.service}`
  return () => failed('unimplemented', 'ROUTE_NOT_FOUND', message, { peer: 'memory', ran: 'no' })
}
