// How the shop is started, from the command line and the environment.
import { parseArgs } from 'node:util'

/** What to run, and where. */
export interface Flags {
  /** 0 for any that is free. @defaultValue PORT of the environment, else 8080 */
  readonly port: number
  /** Of gRPC; 0 for any that is free. @defaultValue GRPC_PORT of the environment, else the one after the next of {@link port} */
  readonly grpcPort: number
  /** Two processes, one for each service. */
  readonly split: boolean
  /** Serve the stock service and nothing else. */
  readonly stockOnly: boolean
  /** Where the stock service runs already. */
  readonly stockUrl: string | undefined
  /** Where traces go. @defaultValue ZIPKIN_URL of the environment, else nowhere */
  readonly zipkinUrl: string | undefined
  /** The broker that the services are served over as well. @defaultValue NATS_URL of the environment, else none */
  readonly natsUrl: string | undefined
}

/** Reads the flags. Ends the process, after one line on stderr, for those that make no sense. */
export function readFlags(): Flags {
  try {
    return parsed()
  } catch (error) {
    console.error(`shop: ${error instanceof Error ? error.message : error}`)
    process.exit(1)
  }
}

function parsed(): Flags {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: process.env['PORT'] ?? '8080' },
      split: { type: 'boolean', default: false },
      'stock-only': { type: 'boolean', default: false },
      'stock-url': { type: 'string' },
    },
  })
  const { port, split, 'stock-only': stockOnly, 'stock-url': stockUrl } = values
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new RangeError(`'${port}' is no port`)
  if ([split, stockOnly, stockUrl !== undefined].filter(Boolean).length > 1)
    throw new TypeError('only one of --split, --stock-only and --stock-url can be given')
  // The next is the stock process's, where there are two.
  const grpcPort = process.env['GRPC_PORT'] || String(port === '0' ? 0 : Number(port) + 2)
  if (!/^\d{1,5}$/.test(grpcPort) || Number(grpcPort) > 65_535) throw new RangeError(`'${grpcPort}' is no port`)
  const zipkinUrl = process.env['ZIPKIN_URL'] || undefined
  if (zipkinUrl !== undefined && !/^https?:/.test(zipkinUrl)) throw new TypeError('ZIPKIN_URL must begin with http:')
  const natsUrl = process.env['NATS_URL'] || undefined
  return { port: Number(port), grpcPort: Number(grpcPort), split, stockOnly, stockUrl, zipkinUrl, natsUrl }
}
