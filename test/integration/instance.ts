/** Starts fixtures/instance.ts as a process, stops it, and reads what it said. */
import { type ChildProcess, spawn } from 'node:child_process'
import { bundled } from '../examples/bundled.js'
import { root } from '../repo/sources.js'
import type { InstancePlan } from './fixtures/instance.js'

export interface Instance {
  readonly process: ChildProcess
  readonly port: number
  /** Ids of the calls that ran, when it has ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly ran: readonly string[]; readonly said: string }>
}

/** Starts one; resolves when it listens. */
export async function startInstance(plan: InstancePlan): Promise<Instance> {
  const path = bundled('test/integration/fixtures/instance.ts')
  const child = spawn(process.execPath, [path, JSON.stringify(plan)], { cwd: root })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const ended: Instance['ended'] = new Promise(resolve => {
    child.on('close', code => {
      const line = said.split('\n').find(each => each.startsWith('{"ran"'))
      resolve({ code, said: said.slice(0, 2_000), ran: line === undefined ? [] : JSON.parse(line).ran })
    })
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      said += chunk
      const started = said.split('\n').find(each => each.startsWith('{"type":"started"'))
      if (started !== undefined) resolve(Number(new URL(JSON.parse(started).addresses[0]).port))
    })
    void ended.then(() => reject(new Error(`it ended before it listened: ${said}`)))
  })
  return { process: child, port, ended }
}
