/** Redis servers for tests, which store nothing: each start is an empty one. */
import { isInstalled, type OwnServer, type ServerDescription, startOwn } from './own-server.js'

const server: ServerDescription = {
  programs: ['/usr/bin/redis-server'],
  args: (port, folder) => [
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    folder,
  ],
  ready: 'Ready to accept connections',
}

/** Whether there is one; true as well where one must be there. */
export const hasRedis: boolean = isInstalled(server)

/** Skips a test where there is none, unless one must be there. */
export function needRedis(skip: (reason: string) => void): void {
  if (!hasRedis) skip(`there is no ${server.programs.join(' or ')}`)
}

/** Starts a Redis; resolves when it takes connections. */
export function startRedis(): Promise<OwnServer> {
  return startOwn(server)
}
