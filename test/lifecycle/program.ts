/** Runs fixtures/program.ts as a process of its own, and lets a test wait for what it says. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { TestContext } from 'vitest'
import { bundled } from '../examples/bundled.js'
import { root } from '../repo/sources.js'
import type { Plan } from './fixtures/program.js'

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: readonly string[]
  readonly stderr: string
}

export interface Program {
  readonly process: ChildProcess
  /** The first line in which `text` occurs, now or later. Rejects when the program ends without having said it. */
  said(text: string): Promise<string>
  readonly ended: Promise<ProgramEnd>
}

/** Starts it; it is killed at the end of the test, whose context is given because tests run concurrently. */
export function program({ onTestFinished }: TestContext, plan: Plan, command: readonly string[] = []): Program {
  const [file = '', ...prefix] = [...command, process.execPath]
  const path = bundled('test/lifecycle/fixtures/program.ts')
  const child = spawn(file, [...prefix, path, JSON.stringify(plan)], { cwd: root })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  child.stdout.on('data', chunk => {
    stdout += chunk
    wake()
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout: stdout.trim().split('\n'), stderr }))
  })
  return {
    process: child,
    said: text =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = stdout
            .split('\n')
            .slice(0, -1)
            .find(each => each.includes(text))
          if (line !== undefined) resolve(line)
        }
        waiting.add(look)
        look()
        void ended.then(() => reject(new Error(`it ended without '${text}': ${stdout}${stderr}`)), reject)
      }),
    ended,
  }
}

/** Waits for it to listen; gives where. */
export async function addressOf(started: Program): Promise<string> {
  const { addresses }: { readonly addresses: readonly string[] } = JSON.parse(await started.said('"started"'))
  return addresses[0] ?? ''
}
