// The program that runs in Bun.
import { runProgram } from './program.js'

declare const Bun: {
  serve(options: {
    readonly port: number
    readonly hostname: string
    readonly idleTimeout: number
    readonly fetch: (request: Request) => Promise<Response>
  }): { readonly port: number; stop(closeConnections: boolean): Promise<void> }
}

await runProgram({
  name: 'fetch on Bun',
  args: process.argv.slice(2),
  serve(fetch) {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch })
    return { address: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) }
  },
})
if (process.argv[2] !== 'serve') process.exit()
