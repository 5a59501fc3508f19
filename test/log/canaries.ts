/** A service that sees and says everything, with all that a process writes gathered, so that a test can look for what must not be in it. */
import { request as send } from 'node:http'
import { pino } from 'pino'
import {
  CallError,
  type Context,
  chain,
  contract,
  failed,
  failure,
  failureOf,
  implement,
  left,
  type Middleware,
  method,
  stream,
} from 'tenon'
import type { ServerBinding } from 'tenon/contract'
import { serve } from 'tenon/lifecycle'
import { type Logger, logger } from 'tenon/log'
import { fromPino } from 'tenon/log/pino'
import { metricRegistry } from 'tenon/metrics'
import { prometheus } from 'tenon/metrics/prometheus'
import { logging, metrics, tracing } from 'tenon/middleware'
import { memoryReporter, tracer } from 'tenon/tracing'
import * as http from 'tenon/transport/http'
import * as v from 'valibot'
import { z } from 'zod'

/** What is sent. */
export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  readonly trailers?: Readonly<Record<string, string>>
}

const Anything = v.looseObject({})
const Login = v.looseObject({
  user: v.optional(v.string()),
  password: v.optional(v.pipe(v.string(), v.maxLength(30), v.regex(/^[a-z0-9-]*$/))),
  age: v.optional(v.number()),
  says: v.optional(v.string()),
})
const Done = v.object({ ok: v.boolean() })
const post = { response: Done, idempotency: 'unsafe' } as const

/** What is called. */
export const Canaries = contract('test.v1.Canaries', {
  login: method({
    ...post,
    request: Login,
    failures: { Locked: failure('failed_precondition', Anything) },
    http: { post: '/login' },
  }),
  find: method({
    request: z.object({
      id: z.string(),
      q: z.string().optional(),
      token: z.string().optional(),
      n: z.number().optional(),
    }),
    response: Done,
    idempotency: 'safe',
    http: { get: '/things/{id}' },
  }),
  form: method({
    ...post,
    request: z.object({ name: z.string(), password: z.string() }),
    http: { post: '/form', form: 'urlencoded' },
  }),
  upload: method({
    ...post,
    request: z.object({ name: z.string(), password: z.string() }),
    http: { post: '/upload', form: 'multipart' },
  }),
  watch: method({ request: Login, response: stream(Done), idempotency: 'safe', http: { post: '/watch' } }),
})

type Login = v.InferOutput<typeof Login>

/** Ends in the way that `says` asks for, with as much of the secret in it as careless code puts there. */
function ended({ says, password = '' }: Login, { metadata }: Context) {
  const own = `${password}${metadata.get('authorization') ?? ''}${metadata.get('x-api-key') ?? ''}`
  switch (says) {
    case 'message':
      return failed('unauthenticated', 'WRONG', `wrong password '${password}' or credentials ${own}`)
    case 'cause':
      return failed('internal', 'BROKEN', 'broken', { cause: new Error(`sent ${own}`, { cause: new Error(own) }) })
    case 'library':
      return failed('unavailable', 'DB', `cannot connect to postgres://app:${password}@db/shop`)
    case 'domain':
      return left(Canaries.failures.Locked({ password, why: own }))
    case 'defect':
      throw Object.assign(new Error(`cannot use password ${password}`), { request: { password } })
    case 'thrown':
      throw new CallError(failureOf('invalid_argument', 'WRONG', `got password=${password}`))
    default:
      return { ok: true }
  }
}

function service(logs: readonly Logger[], use: Middleware) {
  // As careless as code gets: everything that came in.
  const tell = (request: object, { metadata }: Context): void => {
    if (metadata.has(untold)) return
    const fields = { request, headers: metadata, text: JSON.stringify(request), list: [...metadata].flat() }
    for (const log of logs) log.info(`request ${JSON.stringify(request)}`, fields)
  }
  const toldAndDone = (request: object, context: Context) => {
    tell(request, context)
    return { ok: true }
  }
  return implement(Canaries)
    .use(use)
    .handlers({
      login(request, context) {
        tell(request, context)
        return ended(request, context)
      },
      find: toldAndDone,
      form: toldAndDone,
      upload: toldAndDone,
      async *watch(request, context) {
        tell(request, context)
        yield { ok: true }
        const outcome = ended(request, context)
        if ('_tag' in outcome) throw new CallError(outcome.left)
      },
    })
}

/** A header that asks the program not to log what came in: where a secret is in a place where nobody could know it for one. */
export const untold = 'x-untold'

/** A service that is served, and what its process has written, by name. */
export async function gathered(server: ServerBinding = http.server({ port: 0 })) {
  const texts: [name: string, text: string][] = []
  const into = (name: string) => (text: string) => void texts.push([name, text])
  const stacks = true
  const logs = [
    logger({ format: 'logfmt', write: into('logfmt'), stacks }),
    logger({ format: 'json', write: into('json'), stacks }),
    logger({ format: 'pretty', write: into('pretty'), stacks }),
    fromPino(pino({}, { write: into('pino') }), { stacks }),
  ]
  const stderr = into('stderr')
  // No spy: those are taken away after each test.
  const { error } = console
  console.error = (...parts: unknown[]) => stderr(parts.map(String).join(' '))
  const registry = metricRegistry()
  const page = prometheus(registry)
  const reporter = memoryReporter()
  const traced = tracing(tracer({ service: 'canaries', reporters: [reporter] }))
  const use = chain(traced, metrics(registry), ...logs.map(log => logging(log)))
  const running = await serve([service(logs, use)], [server], { signals: false })
  const { addresses } = running
  return {
    addresses,
    /** What the service tells of its calls, for a client to tell of the same. */
    use,
    into,
    /** Everything but answers that are no failures. */
    async written(): Promise<readonly (readonly [name: string, text: string])[]> {
      // By name: what a span says are getters, which a copy of it has not.
      const spans = reporter.spans.map(({ name, kind, attributes, events, links, error, peer }) => {
        return { name, kind, attributes, events, links, error, peer }
      })
      return [...texts, ['spans', JSON.stringify(spans)], ['metrics', (await page.page()).body]]
    },
    async send(sent: Sent): Promise<number> {
      const { status, text } = await answerOf(Number(new URL(addresses[0] ?? '').port), sent)
      into(status === 200 ? 'stream' : 'problem')(status === 200 && sent.path !== '/watch' ? '' : text)
      return status
    },
    async close(): Promise<void> {
      await running.close()
      page.close()
      console.error = error
    },
  }
}

function answerOf(port: number, { method = 'POST', path = '/login', headers = {}, body = '{}', trailers }: Sent) {
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const type = { 'content-type': 'application/json' }
    const all = {
      ...type,
      ...headers,
      ...(trailers && { trailer: Object.keys(trailers).join(), 'transfer-encoding': 'chunked' }),
    }
    const request = send({ port, host: '127.0.0.1', method, path, headers: all, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.on('error', reject)
    if (trailers) request.write(body)
    if (trailers) request.addTrailers(trailers)
    request.end(trailers || method === 'GET' ? undefined : body)
  })
}
