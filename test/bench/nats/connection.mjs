// A connection with one of the two libraries, and what goes beside each message.

/** @param {string} library - `nats` or `@nats-io/transport-node` */
export async function connectionOf(library, port) {
  const { connect, headers } = await import(library)
  return { connection: await connect({ servers: `127.0.0.1:${port}`, maxReconnectAttempts: -1 }), headers }
}

export const subject = 'bench.v1.Users.uppercase'

/** As many as a traced call of somebody who has logged in has. */
export const metadata = {
  'tenon-timeout-ms': '30000',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  authorization: 'Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
}
