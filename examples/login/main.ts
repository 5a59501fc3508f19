// Logs browsers in: a service with sessions, and the provider of OpenID Connect that it sends people to, in one program. Open the page that
// it prints, and log in with any name.
import { parseArgs } from 'node:util'
import { exitWithMessage, resource, serve } from 'tenon/lifecycle'
import * as http from 'tenon/transport/http'
import { startProvider } from './provider.js'
import { accounts, client } from './service.js'

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } })

async function main(): Promise<void> {
  const port = Number(values.port)
  const origin = `http://127.0.0.1:${port}`
  const { issuer, close } = await startProvider(port + 1, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [`${origin}/login/callback`],
        post_logout_redirect_uris: [`${origin}/account`],
      },
    ],
  })
  const { services, mount } = accounts(issuer, origin)
  await serve(services, [http.server({ port, mount })], { resources: [resource('provider', close)] })
  console.log(`\nOpen ${origin}/account\n`)
}

await main().catch(exitWithMessage)
