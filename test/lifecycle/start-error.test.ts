/** What is said about a binding that cannot listen: one line that names the binding, the address and the cure. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { StartError } from 'tenon/lifecycle'
import { expect, test } from 'vitest'

const system = (code: string, fields: object = {}) => Object.assign(new Error(`listen ${code}`), { code, ...fields })

const errors: readonly { readonly cause: unknown; readonly message: string }[] = [
  {
    cause: system('EADDRINUSE', { address: '127.0.0.1', port: 8080 }),
    message: 'http: 127.0.0.1:8080 is taken by another process',
  },
  {
    cause: system('EADDRINUSE', { address: '::', port: 8080 }),
    message: 'http: port 8080 is taken by another process',
  },
  { cause: system('EADDRINUSE', { address: '::1', port: 80 }), message: 'http: [::1]:80 is taken by another process' },
  { cause: system('EADDRINUSE', { port: 8080 }), message: 'http: port 8080 is taken by another process' },
  {
    cause: system('EADDRINUSE', { address: '/run/shop.sock', port: -1 }),
    message: 'http: /run/shop.sock is taken by another process',
  },
  { cause: system('EADDRINUSE'), message: 'http: its address is taken by another process' },
  {
    cause: system('EACCES', { address: '0.0.0.0', port: 443 }),
    message: 'http: port 443 needs permission, as ports below 1024 do',
  },
  {
    cause: system('EACCES', { address: '/run/shop.sock', port: -1 }),
    message: 'http: /run/shop.sock needs permission',
  },
  { cause: system('EPERM', { address: '::', port: 8080 }), message: 'http: port 8080 needs permission' },
  {
    cause: system('EADDRNOTAVAIL', { address: '10.0.0.7', port: 8080 }),
    message: 'http: 10.0.0.7:8080 is no address of this machine',
  },
  { cause: system('ENOTFOUND', { hostname: 'nats' }), message: 'http: the host nats is not known' },
  {
    cause: new AggregateError([system('ECONNREFUSED', { address: '::1', port: 4222 }), system('ECONNREFUSED')]),
    message: 'http: [::1]:4222 refuses connections: is it running?',
  },
  {
    cause: new Error('cannot listen', { cause: system('EACCES', { address: '::', port: 80 }) }),
    message: 'http: port 80 needs permission, as ports below 1024 do',
  },
  {
    cause: new Error('the key does not fit\n  the certificate'),
    message: 'http: the key does not fit the certificate',
  },
  { cause: new Error('http: tls.key is missing'), message: 'http: tls.key is missing' },
  { cause: new TypeError(''), message: 'http: TypeError' },
  { cause: 'no reason', message: 'http: no reason' },
  { cause: undefined, message: 'http: undefined' },
]

test.each(errors)('$message', ({ cause, message }) => {
  const error = new StartError('http', cause)
  expect(error).toMatchObject({ name: 'StartError', binding: 'http', message })
  expect(error.cause).toBe(cause)
})

test('a cause that is its own cause ends', () => {
  const cause = new Error('round')
  cause.cause = cause
  expect(new StartError('http', cause).message).toBe('http: round')
})

test('the error of a real port that is taken has what the message needs', async () => {
  const first = createServer().listen(0, '127.0.0.1')
  await once(first, 'listening')
  const address = first.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const [cause] = await once(createServer().listen(port, '127.0.0.1'), 'error').catch(error => [error])
  first.close()
  expect(new StartError('http', cause).message).toBe(`http: 127.0.0.1:${port} is taken by another process`)
})
