// Measures one policy of one contender: `node run.mjs <module> <policy>`. The module gives a function that makes a call with the
// policy, and `bare`, which makes the same call without: both run in turn in one process, and what is reported is the difference.
import { netNsPerOperation, nsPerOperation, report } from '../measure.mjs'
import * as work from './work.mjs'

const [file, policy] = process.argv.slice(2)
const { contender } = await import(new URL(`../${file}`, import.meta.url).href)
const {
  run,
  bare,
  read = result => result,
  requests = work.requests,
  expected = work.expected,
} = await contender(policy)

// Two loops, compiled apart: in one, the engine would see both calls in each place.
const [loop, bareLoop] = await Promise.all(['run', 'bare'].map(name => import(`./loop.mjs?${name}`)))
const calls = loop.over(run, { requests, expected, read })

const ns =
  bare === undefined
    ? nsPerOperation(calls)
    : netNsPerOperation(calls, bareLoop.over(bare, { requests, expected, read }))
report({ ns: await ns })
