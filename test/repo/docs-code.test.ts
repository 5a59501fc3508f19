/** The code in README.md, in docs and in the docstrings of src compiles and runs, so that what a newcomer copies works. */
import { execFile, fork } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type DocProgram, programsIn } from './fences.js'
import type { ProgramEnd } from './run-programs.js'
import { filesUnder, root } from './sources.js'

const documents = [
  ...['README.md', 'CONTRIBUTING.md'].filter(path => existsSync(join(root, path))),
  ...filesUnder('docs', '.md').map(path => `docs/${path}`),
  ...filesUnder('src', '.ts').map(path => `src/${path}`),
]
const programs = documents.flatMap(document => programsIn(document, readFileSync(join(root, document), 'utf8')))

/** How long a program of the documentation may take, and leave something open: a machine may be busy. */
const programLimitMs = 60_000

describe.runIf(programs.length > 0)('the code at', () => {
  let verdicts: ReadonlyMap<string, readonly string[]> = new Map()
  beforeAll(async () => {
    verdicts = await judge(programs)
  }, 300_000)

  test.each(programs)('$name compiles and runs', ({ name }) => {
    expect(verdicts.get(name)).toEqual([])
  })
})

/** Little documents, and what is to be said of each of their programs. */
const little: readonly { readonly name: string; readonly text: string; readonly verdicts: readonly unknown[] }[] = [
  {
    name: 'is compiled, with the lines of the document',
    text: '# X\n```ts\nexport const a = 1\n```\n1. Then\n   ```ts no-run\n   const b: string = 1\n   ```\n',
    verdicts: [[], [expect.stringMatching(/^line 7: error TS2322/)]],
  },
  {
    name: 'is executed, except where it says no-run',
    text: "```ts\nthrow new Error('first')\n```\n```ts no-run\nthrow new Error('second')\n```\n```ts\nexport {}\n```\n",
    verdicts: [[expect.stringContaining('first')], [], []],
  },
  {
    name: 'may not throw later, nor leave anything open',
    text: [
      "setTimeout(() => { throw new Error('late') }, 20)",
      "Promise.reject(new Error('forgotten'))",
      "import { createServer } from 'node:http'\ncreateServer().listen(0)",
      'await new Promise(resolve => setTimeout(resolve, 20))',
    ]
      .map(code => `\`\`\`ts\n${code}\n\`\`\`\n`)
      .join(''),
    verdicts: [
      [expect.stringContaining('late')],
      [expect.stringContaining('forgotten')],
      [expect.stringContaining('keeps the process alive: TCPServerWrap')],
      [],
    ],
  },
  {
    name: 'may not end the process, and those after it run all the same',
    text: '```ts\nprocess.exit(3)\n```\n```ts\nexport {}\n```\n',
    verdicts: [[expect.stringContaining('ended the process: exit 3')], []],
  },
  {
    name: 'goes on in a fence that is marked continued',
    text: "```ts\nconst a: string = 'x'\n```\ntext\n```ts continued\nconst b = a.length\nif (b !== 1) throw b\n```\n",
    verdicts: [[]],
  },
]

describe('documentation', () => {
  let judged: ReadonlyMap<string, readonly string[]> = new Map()
  const programsOf = (name: string, text: string) => programsIn(`docs/${name.replaceAll(' ', '-')}.md`, text)
  beforeAll(async () => {
    judged = await judge(
      little.flatMap(({ name, text }) => programsOf(name, text)),
      2_000,
    )
  }, 120_000)

  test.each(little)('$name', ({ name, text, verdicts }) => {
    expect(programsOf(name, text).map(program => judged.get(program.name))).toEqual(verdicts)
  })

  test.each([
    ['another name for ts', '```typescript\n```\n'],
    ['an unknown mark', '```ts norun\n```\n'],
    ['continued without a beginning', '```ts continued\n```\n'],
    ['no-run in the middle', '```ts\n```\n```ts continued no-run\n```\n'],
    ['a fence without an end', '```ts\nconst a = 1\n'],
  ])('is refused with %s', (_, text) => {
    expect(() => programsIn('docs/x.md', text)).toThrow(/^docs\/x.md:/)
  })

  test('in docstrings is read without their stars, and nothing else of a source is', () => {
    const text =
      'const fence = `\n```ts\n`\n/**\n * Why.\n *\n * @example\n * ```ts\n *   f(1)\n * ```\n */\nexport {}\n'
    expect(programsIn('src/core/a.ts', text)).toEqual([
      { name: 'src/core/a.ts:9', code: '\n\n\n\n\n\n\n\n  f(1)', runs: true },
    ])
  })

  test('in other languages is left alone', () => {
    expect(programsIn('README.md', '```sh\nnpm ci\n```\n````md\n```ts\n```\n````\n```\nplain\n```\n')).toEqual([])
  })
})

/** What is wrong with each program, by its name. */
async function judge(
  all: readonly DocProgram[],
  limitMs: number = programLimitMs,
): Promise<ReadonlyMap<string, readonly string[]>> {
  // Inside the repository, so that packages are found from there.
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp/docs-code-'))
  try {
    const paths = new Map(all.map(({ name }, index) => [`${index}-${name.replace(/[^a-z0-9]+/gi, '-')}.ts`, name]))
    const mistakes = new Map<string, string[]>(all.map(({ name }) => [name, []]))
    for (const [index, path] of [...paths.keys()].entries()) writeFileSync(join(folder, path), all[index]?.code ?? '')
    for (const { path, text } of await compile(folder)) mistakes.get(paths.get(path) ?? '')?.push(text)
    const runnable = [...paths].filter(([, name]) => all.some(each => each.name === name && each.runs))
    for (const { path, failure } of await runAll(
      runnable.map(([path]) => join(folder, path)),
      limitMs,
    )) {
      if (failure !== undefined) mistakes.get(paths.get(basename(path)) ?? '')?.push(failure)
    }
    return mistakes
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One program for all of them: TypeScript reads the sources once. */
async function compile(inside: string): Promise<readonly { readonly path: string; readonly text: string }[]> {
  writeFileSync(
    join(inside, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      include: ['*.ts'],
      compilerOptions: { moduleDetection: 'force' },
    }),
  )
  const compiler = join(root, 'node_modules/typescript7/bin/tsc')
  const output = await new Promise<string>(resolve => {
    execFile(process.execPath, [compiler, '-p', inside, '--pretty', 'false'], { cwd: root }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
  return output.split('\n').flatMap(line => {
    if (!/\berror TS\d+/.test(line)) return []
    const [, path, at = '', text = ''] = /^(.*\.ts)\((\d+),\d+\): (error .*)$/.exec(line) ?? []
    if (path === undefined) throw new Error(line) // the settings are wrong
    // A mistake in src is for the type check to tell.
    return join(root, path).startsWith(inside) ? [{ path: basename(path), text: `line ${at}: ${text}` }] : []
  })
}

/** A process is given up after the first program that fails in it, because what that one left behind would disturb the next. */
async function runAll(paths: readonly string[], limitMs: number): Promise<readonly ProgramEnd[]> {
  const ends: ProgramEnd[] = []
  while (ends.length < paths.length) {
    const rest = paths.slice(ends.length)
    const before = ends.length
    const how = await runProcess(rest, limitMs, end => ends.push(end))
    if (ends.length === before) ends.push({ path: rest[0] ?? '', failure: `ended the process: ${how}` })
  }
  return ends
}

function runProcess(paths: readonly string[], limitMs: number, onEnd: (end: ProgramEnd) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = fork(join(root, 'test/repo/run-programs.ts'), [String(limitMs), ...paths], {
      cwd: root,
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    // A program that never gives the processor back cannot be stopped from inside.
    const watchdog = setTimeout(() => child.kill('SIGKILL'), limitMs + 10_000) // its own message is better
    let stderr = ''
    child.stderr?.on('data', chunk => {
      stderr += chunk
    })
    child.on('message', message => {
      watchdog.refresh()
      onEnd(message as ProgramEnd) // only run-programs.ts sends, and only this
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(watchdog)
      resolve(`${signal ?? `exit ${code}`} ${stderr}`)
    })
  })
}
