// Who calls, by what the caller shows: a credential arrives in the same place whatever the transport, and one that is not good is refused
// in the same words, so that a scheme written once works on all of them.
import { authenticate, authenticateOptional } from '../../auth/authenticate.js'
import { authorize } from '../../auth/authorize.js'
import { authorizationOf, challengeOf } from '../../auth/credential.js'
import { scopes } from '../../auth/rule.js'
import { rejected, type Scheme, type Verdict } from '../../auth/scheme.js'
import { type Client, connect, contract, implement, method, stream } from '../../contract/index.js'
import { callOrThrow, cookiesOf, type Failure, isFailure, type Metadata, type Reply } from '../../core/index.js'
import * as assert from '../assert.js'
import { integer, text } from '../field.js'
import { gate } from '../gate.js'
import { message } from '../message.js'
import { assertFailure, type TransportCase, type Trial, transportCase } from '../trial.js'

const Asked = message({ index: integer() })
const Told = message({ caller: text() })
const Principals = contract('tenon.conformance.v1.Principals', {
  whoAmI: method({ request: Asked, response: Told, idempotency: 'safe' }),
  watch: method({ request: Asked, response: stream(Told), idempotency: 'safe' }),
  cancel: method({ request: Asked, response: Told, idempotency: 'unsafe' }),
  open: method({ request: Asked, response: Told, idempotency: 'safe' }),
})
const Relaying = contract('tenon.conformance.v1.RelayingPrincipals', {
  whoAmI: method({ request: Asked, response: Told, idempotency: 'safe' }),
})

const request = { index: 0 }

interface Caller {
  readonly id: string
  readonly scopes: readonly string[]
}

/** Whose a secret is: `good-ada` is Ada's. What is refused is told to nobody but this side. */
function judged(secret: string): Verdict<Caller> {
  const [, id] = /^good-([a-z]+\d*)$/.exec(secret) ?? []
  return id === undefined ? rejected(`nobody has ${secret}`) : { principal: { id, scopes: [] } }
}

const bearer: Scheme<Caller> = {
  name: 'bearer',
  challenge: challengeOf('Bearer', 'conformance'),
  verify(context) {
    const found = authorizationOf(context, 'bearer')
    if (found === undefined) return undefined
    return found === 'malformed' ? rejected('not a token') : judged(found.value)
  },
}
const key: Scheme<Caller> = {
  name: 'key',
  verify: ({ metadata }) => {
    const found = metadata.get('x-api-key')
    return found === undefined ? undefined : judged(found)
  },
}
const cookie: Scheme<Caller> = {
  name: 'cookie',
  verify(context) {
    const found = cookiesOf(context).get('session')
    return found === undefined ? undefined : judged(found)
  },
}

type Shown = Readonly<Record<string, string>>
/** Where a secret may be. */
const places: Readonly<Record<string, (secret: string) => Shown>> = {
  authorization: secret => ({ authorization: `Bearer ${secret}` }),
  'x-api-key': secret => ({ 'x-api-key': secret }),
  cookie: secret => ({ cookie: `theme=dark; session=${secret}; other="a b"` }),
}

/** A client of a service that says who calls. `hold` keeps the calls of `whoAmI` until it is opened. */
async function guarded(
  trial: Trial,
  hold?: (index: number) => Promise<unknown>,
): Promise<Client<typeof Principals.methods>> {
  const service = implement(Principals)
    .use(authenticateOptional(bearer))
    .handlers({ open: (_, { principal }) => ({ caller: principal?.id ?? 'nobody' }) })
    .use(authenticate(bearer, key, cookie))
    .handlers({
      async whoAmI({ index }, { principal }) {
        await hold?.(index)
        return { caller: principal.id }
      },
      async *watch(_, { principal }) {
        yield { caller: principal.id }
        yield { caller: principal.id }
      },
    })
    .use(authorize<Caller, unknown>(scopes('cancel')))
    .handlers({ cancel: (_, { principal }) => ({ caller: principal.id }) })
  return connect(Principals, await trial.serve(service))
}

/** What a refused caller learns: all of the failure that is not of this one call, and the challenge. */
async function refusal(
  trial: Trial,
  ask: Client<typeof Principals.methods>['whoAmI'],
  outgoing: Shown,
): Promise<{ readonly failure: Failure; readonly challenge: string | undefined }> {
  let reply: Reply | undefined
  const onReply = (given: Reply): void => {
    reply = given
  }
  const failure = await trial.failure(ask, request, { outgoing, onReply })
  assert.ok(isFailure(failure))
  return { failure, challenge: reply?.headers.get('www-authenticate') }
}

export const principalCases: readonly TransportCase[] = [
  ...Object.entries(places).map(([place, shown]) =>
    transportCase(`principal: a credential in ${place} says who calls, for that call alone`, async trial => {
      const { whoAmI } = await guarded(trial)
      assert.deepEqual(await trial.response(whoAmI, request, { outgoing: shown('good-ada') }), { caller: 'ada' })
      assert.deepEqual(await trial.response(whoAmI, request, { outgoing: shown('good-bob') }), { caller: 'bob' })
      assertFailure(await trial.failure(whoAmI, request), { reason: 'CREDENTIALS_MISSING' })
    }),
  ),
  transportCase('principal: who shows nothing is told what to show, and nothing has run', async trial => {
    const { whoAmI } = await guarded(trial)
    const { failure, challenge } = await refusal(trial, whoAmI, {})
    assertFailure(failure, {
      code: 'unauthenticated',
      reason: 'CREDENTIALS_MISSING',
      message: 'this needs credentials, and there are none',
      ran: 'no',
    })
    assert.equal(challenge, 'Bearer realm="conformance"')
  }),
  ...Object.entries(places).map(([place, shown]) =>
    transportCase(`principal: a bad credential in ${place} is refused in the same words`, async trial => {
      const { whoAmI } = await guarded(trial)
      for (const secret of ['bad-secret', 'good-', 'good-ada.']) {
        const { failure, challenge } = await refusal(trial, whoAmI, shown(secret))
        assertFailure(failure, {
          code: 'unauthenticated',
          reason: 'CREDENTIALS_REJECTED',
          message: 'the credentials are not accepted',
          ran: 'no',
        })
        assert.equal(failure.details, undefined)
        assert.ok(!String(failure.cause).includes('nobody has'), 'why is not sent')
        assert.ok(!JSON.stringify(failure).includes(secret), 'nor what was shown')
        const expected = place === 'authorization' ? 'Bearer realm="conformance", error="invalid_token"' : undefined
        assert.equal(challenge, expected)
      }
    }),
  ),
  ...['Bearer', 'Bearer ', 'Bearer good-ada, Bearer good-bob', 'Bearer good-ada good-bob'].map(authorization =>
    transportCase(`principal: '${authorization}' is no credential, and a bad one`, async trial => {
      const { whoAmI } = await guarded(trial)
      // What else is shown opens nothing: the first that is there decides.
      const { failure } = await refusal(trial, whoAmI, { authorization, 'x-api-key': 'good-ada' })
      assertFailure(failure, { code: 'unauthenticated', reason: 'CREDENTIALS_REJECTED', ran: 'no' })
    }),
  ),
  transportCase('principal: the name of the scheme may be written in any case', async trial => {
    const { whoAmI } = await guarded(trial)
    for (const name of ['bearer', 'BEARER', 'bEaReR'])
      assert.deepEqual(await trial.response(whoAmI, request, { outgoing: { Authorization: `${name} good-ada` } }), {
        caller: 'ada',
      })
  }),
  transportCase('principal: a token of 4,000 characters arrives whole', async trial => {
    const { whoAmI } = await guarded(trial)
    const outgoing = { authorization: `Bearer good-a${'1'.repeat(4_000)}` }
    assert.deepEqual(await trial.response(whoAmI, request, { outgoing }), { caller: `a${'1'.repeat(4_000)}` })
  }),
  transportCase('principal: who may not is told apart from who is not known, and what would do', async trial => {
    const { cancel } = await guarded(trial)
    const { failure, challenge } = await refusal(trial, cancel, { authorization: 'Bearer good-ada' })
    assertFailure(failure, {
      code: 'permission_denied',
      reason: 'PERMISSION_DENIED',
      message: 'this caller may not do that',
      ran: 'no',
    })
    assert.equal(challenge, 'Bearer error="insufficient_scope", scope="cancel"')
  }),
  transportCase('principal: where none is needed, none is, and a bad one is refused all the same', async trial => {
    const { open } = await guarded(trial)
    assert.deepEqual(await trial.response(open, request), { caller: 'nobody' })
    const outgoing = { authorization: 'Bearer good-ada' }
    assert.deepEqual(await trial.response(open, request, { outgoing }), { caller: 'ada' })
    const { failure } = await refusal(trial, open, { authorization: 'Bearer bad' })
    assertFailure(failure, { reason: 'CREDENTIALS_REJECTED' })
  }),
  transportCase('principal: a stream is its caller’s to the end, and a refused one has no item', async trial => {
    const { watch } = await guarded(trial)
    const outgoing = { authorization: 'Bearer good-ada' }
    const items = await trial.items(await trial.response(watch, request, { outgoing }))
    assert.deepEqual(items, [{ caller: 'ada' }, { caller: 'ada' }])
    assertFailure(await trial.failure(watch, request), { reason: 'CREDENTIALS_MISSING', ran: 'no' })
  }),
  transportCase(
    'principal: calls at the same time keep their own, and what refuses one refuses no other',
    async trial => {
      const count = 60
      const [arrived, go] = [gate(), gate()]
      let waiting = 0
      const { whoAmI } = await guarded(trial, () => {
        if (++waiting === count - count / 5) arrived.open()
        return go.opened
      })
      const shownBy = [places['authorization'], places['x-api-key']]
      const calls = Array.from({ length: count }, async (_, index) => {
        const isBad = index % 5 === 4
        const shown = shownBy[index % shownBy.length] ?? assert.fail()
        const outgoing = shown(isBad ? `bad-${index}` : `good-user${index}`)
        const outcome = await trial.call(whoAmI, { index }, { outgoing })
        if (isBad) assertFailure(outcome._tag === 'Left' && outcome.left, { reason: 'CREDENTIALS_REJECTED' })
        else assert.deepEqual(outcome._tag === 'Right' && outcome.right, { caller: `user${index}` })
      })
      await trial.within('all who may at the handler', arrived.opened)
      go.open()
      await Promise.all(calls)
    },
  ),
  transportCase('principal: nothing that a caller has shown goes on to the next service by itself', async trial => {
    let seen: Metadata | undefined
    const back = implement(Relaying).handlers({
      whoAmI(_, { metadata }) {
        seen = metadata
        return { caller: 'back' }
      },
    })
    const behind = connect(Relaying, await trial.serve(back))
    const front = implement(Principals)
      .use(authenticate(bearer))
      .handlers({ whoAmI: (given, context) => callOrThrow(behind.whoAmI, given, { context }) })
    const { whoAmI } = connect(Principals, await trial.serve(front))
    const outgoing = { authorization: 'Bearer good-ada', 'x-api-key': 'good-ada', cookie: 'session=good-ada' }
    await trial.response(whoAmI, request, { outgoing })
    for (const name of Object.keys(outgoing)) assert.equal(seen?.get(name), undefined, name)
  }),
]
