/** NATS servers for tests, with JetStream: what is stored survives a start. */
import { isInstalled, type OwnServer, type ServerDescription, startOwn } from './own-server.js'

const server: ServerDescription = {
  programs: ['/usr/sbin/nats-server', '/usr/bin/nats-server'],
  args: (port, folder) => ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder],
  ready: 'Server is ready',
}

/** Whether there is one; true as well where one must be there. */
export const hasNats: boolean = isInstalled(server)

/** Skips a test where there is none, unless one must be there. */
export function needNats(skip: (reason: string) => void): void {
  if (!hasNats) skip('nats-server is not installed')
}

/** Starts a NATS server; resolves when it takes connections. */
export function startNats(): Promise<OwnServer> {
  return startOwn(server)
}
