// What a verified token costs: the scheme, which reads a token strictly before a library sees it, beside the libraries by themselves.
import type { Bench, Contender } from '../bench.js'
import { pinned } from '../pinned.js'

const column = 'µs'
const run = (name: string): Contender => ({ name, file: 'policies/run.mjs', args: ['jwt/verify.mjs', name] })

const [ours, remembered] = ['Tenon', 'Tenon, remembered']

export const jwt: Bench = {
  name: 'jwt',
  title: 'Verifying a bearer token, HS256, of 10 000 by turns: µs of CPU time',
  contenders: [ours, remembered, 'jsonwebtoken', 'jose'].map(run),
  columns: [column],
  rounds: 9,
  against: { contender: ours, column },
  targets: [
    { ours, theirs: 'jsonwebtoken', column },
    { ours, theirs: 'jose', column },
    { ours: remembered, theirs: 'jsonwebtoken', column },
  ],
  peers: ['jsonwebtoken', 'jose', 'zod'],
  async run(contender) {
    const { ns = Number.NaN } = await pinned(contender.file, contender.args ?? [])
    return { [column]: ns / 1_000 }
  },
}
