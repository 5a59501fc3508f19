// NATS itself, for one measurement, on a free port. What is measured talks to it, and its own time is nobody's.
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import type { Broker } from '../transports/pair.js'

/** Starts it; resolves when it takes connections. */
export async function natsBroker(): Promise<Broker> {
  const port = await freePort()
  const broker = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>(resolve => broker.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    broker.once('error', reject)
    broker.once('exit', code => reject(new Error(`nats-server ended with ${code}`)))
    broker.stderr.on('data', chunk => {
      if (String(chunk).includes('Server is ready')) resolve()
    })
  })
  return {
    at: String(port),
    async stop() {
      broker.kill('SIGKILL')
      await ended
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error()),
      )
    })
  })
}
