// The provider that people log in at: oidc-provider, whose development pages take any name with any password. A real one is somebody else's
// program, at another address.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type Configuration, Provider } from 'oidc-provider'

/** A provider that runs. */
export interface RunningProvider {
  readonly issuer: string
  readonly provider: Provider
  close(): Promise<void>
}

/** Starts a provider on a port, 0 for any that is free. */
export async function startProvider(port: number, configuration: Configuration): Promise<RunningProvider> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const issuer = `http://localhost:${typeof address === 'object' ? address?.port : port}`
  const provider = new Provider(issuer, configuration)
  server.on('request', provider.callback())
  return {
    issuer,
    provider,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
