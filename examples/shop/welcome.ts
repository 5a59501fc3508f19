// What the shop says when it is open: its routes, read off the contracts, and lines to try it with.
import type { MethodSpec } from 'tenon'
import { Orders, Stock } from './contracts.js'
import type { Tokens } from './users.js'

/** Where the shop is open. */
export interface Addresses {
  /** Of HTTP. */
  readonly address: string
  /** Of HTTP, for the stock. */
  readonly stockAddress: string
  /** Of gRPC. */
  readonly grpcAddress: string
}

/** All of it, for a terminal. */
export function welcome({ address, stockAddress, grpcAddress }: Addresses, tokens: Tokens): string {
  return `
Orders at ${address}
${routesOf(Orders.specs)}

Stock at ${stockAddress}
${routesOf(Stock.specs)}

Read about them and try them in a browser, or take the OpenAPI document to generate clients from:

${docLinesOf([address, stockAddress])}

See what is counted, as Prometheus does:

${[...new Set([address, stockAddress])].map(each => `  ${each}/metrics`).join('\n')}

A customer's token and one of the staff, for ten minutes:

  CUSTOMER=${tokens.customer}
  STAFF=${tokens.staff}

Or call the same over gRPC; reflection tells what there is:

  npx buf curl --protocol grpc --http2-prior-knowledge --list-services ${grpcAddress.replace('grpc:', 'http:')}

Place an order, watch it being packed and shipped, ask for more than there is; cancel another order of the customer's, as staff:
${curlLinesOf(address)}
`
}

/** One line for each method: `  GET     /orders/{id}   safe   Read an order`. */
export function routesOf(specs: ReadonlyMap<string, MethodSpec>): string {
  const lines = [...specs.values()].map(({ http, info, definition }) => {
    const { summary = '' } = definition
    return `  ${http.verb.padEnd(7)} ${http.pattern.padEnd(39)}  ${info.idempotency.padEnd(10)}  ${summary}`
  })
  return lines.join('\n')
}

/** The page and the document of each server. */
function docLinesOf(addresses: readonly string[]): string {
  const lines = [...new Set(addresses)].flatMap(address => [`  ${address}/docs`, `  ${address}/openapi.json`])
  return lines.join('\n')
}

/** Lines for a shell, to be tried in this order, after those with the tokens. */
export function curlLinesOf(address: string): string {
  const json = `-H 'content-type: application/json'`
  const as = (who: string): string => `-H "authorization: Bearer $${who}"`
  const place = `curl ${address}/orders ${as('CUSTOMER')} ${json}`
  return `
  ${place} -d '{"lines":[{"sku":"teapot","count":1},{"sku":"mug","count":4}]}'
  curl -N ${address}/orders/1/events
  ${place} -i -d '{"lines":[{"sku":"honey","count":2}]}'
  ${place} -d '{"lines":[{"sku":"mug","count":1}]}' && curl ${as('STAFF')} -X POST ${address}/orders/3:cancel`
}
