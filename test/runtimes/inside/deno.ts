// The program that runs in Deno.
import { runProgram } from './program.js'

declare const Deno: {
  readonly args: readonly string[]
  exit(): never
  serve(
    options: { readonly port: number; readonly hostname: string; readonly onListen: () => void },
    handler: (request: Request) => Promise<Response>,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> }
}

await runProgram({
  name: 'fetch on Deno',
  args: Deno.args,
  serve(handle) {
    const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: () => {} }, handle)
    return { address: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() }
  },
})
if (Deno.args[0] !== 'serve') Deno.exit()
