// `http.Handle` and `http.ListenAndServe` of Go: exact paths, any method, port 8080 of all addresses; the port can be another here.
// A process of its own would rather use `serve`, which also drains; the original does not.
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

/** @param name - what it says that it is */
export function listenAndServe(name: string, handlers: Readonly<Record<string, RequestListener>>): void {
  const { values } = parseArgs({ options: { port: { type: 'string' } }, strict: false }) // an example may have flags of its own
  const port = values.port ?? process.env['PORT'] ?? '8080'
  const routes = new Map(Object.entries(handlers))
  const server = createServer((request, response) => {
    const listener = routes.get(pathOf(request.url ?? '')) ?? notFound
    listener(request, response)
  })
  server.on('error', error => {
    console.error(error.message)
    process.exit(1)
  })
  server.listen(Number(port), () => {
    const { port } = server.address() as AddressInfo // it listens on TCP
    console.log(`${name} listens on port ${port}`)
    console.log(`try: curl -d '{"s":"hello, world"}' http://localhost:${port}/uppercase`)
  })
}

const notFound: RequestListener = (_, response) => {
  response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  response.end('404 page not found\n')
}

function pathOf(url: string): string {
  const [path = ''] = url.split('?', 1)
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
