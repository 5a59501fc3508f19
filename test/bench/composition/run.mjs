// Measures one contender: `node run.mjs <module> <variant> <layers>`. The module makes layers and puts a stack together.
import { nsPerOperation, report } from '../measure.mjs'
import { expected, expectedToSee, takeSeen } from './work.mjs'

const [file, variant, layerCount] = process.argv.slice(2)
const count = Number(layerCount)
const url = new URL(`../${file}`, import.meta.url).href

// The module is loaded anew for each layer: ten middleware of a program are ten functions, and if they were ten closures
// of one function the engine would inline that one function ten times.
const layers = []
for (let i = 0; i < count; i++) layers.push((await import(`${url}?${i}`)).layer(i, variant))
const { invoke, read = result => result } = await (await import(url)).stack(layers, variant)

const requests = Array.from({ length: 1024 }, (_, n) => ({ n }))
const responses = requests.map(request => expected(count, request))
const sums = requests.map(request => expectedToSee(count, request))

async function run(calls) {
  let sum = 0
  takeSeen()
  for (let i = 0; i < calls; i++) {
    const n = i & 1023
    const response = read(await invoke(requests[n]))
    if (response.value !== responses[n]) throw new Error(`request ${n} gave ${JSON.stringify(response)}`)
    sum = (sum + sums[n]) | 0
  }
  if (takeSeen() !== sum) throw new Error('a layer did not see what came of the call')
}

report({ [count === 1 ? '1 layer' : `${count} layers`]: await nsPerOperation(run) })
