/**
 * The code in the documentation, as programs: README.md, docs and CONTRIBUTING.md, and the docstrings of src.
 *
 * A fence marked `ts` is a program of its own; `ts continued` goes on where the previous one of the same document ended.
 * `ts no-run` is compiled and not executed: for code that needs a server, or that never ends.
 */

/** One or several fences that make a module, kept on their own lines so that an error names the line of the document. */
export interface DocProgram {
  /** `docs/streams.md:12`, the first line of its code. */
  readonly name: string
  readonly code: string
  readonly runs: boolean
}

interface Fence {
  readonly line: number
  readonly marks: readonly string[]
  readonly lines: readonly string[]
}

const knownMarks = ['no-run', 'continued']

/** Code under another name would escape from the compiler, so it is refused. */
const otherNames = ['typescript', 'tsx', 'js', 'javascript', 'mts', 'TypeScript']

export function programsIn(document: string, text: string): readonly DocProgram[] {
  const isSource = document.endsWith('.ts')
  const chains: Fence[][] = []
  for (const fence of fencesIn(document, isSource ? docstringsOnly(text) : text.split('\n'))) {
    if (!fence.marks.includes('continued')) chains.push([fence])
    else if (chains.length === 0)
      throw new Error(`${document}:${fence.line}: continued, but there is nothing before it`)
    else if (fence.marks.includes('no-run')) {
      throw new Error(`${document}:${fence.line}: no-run belongs on the first fence of a program`)
    } else chains.at(-1)?.push(fence)
  }
  return chains.map(chain => programOf(document, chain))
}

function programOf(document: string, chain: readonly Fence[]): DocProgram {
  const first = chain[0]
  if (first === undefined) throw new Error('a program has at least one fence')
  const code: string[] = []
  for (const { line, lines } of chain) {
    while (code.length < line - 1) code.push('')
    code.push(...lines)
  }
  return { name: `${document}:${first.line}`, code: code.join('\n'), runs: !first.marks.includes('no-run') }
}

function fencesIn(document: string, lines: readonly string[]): readonly Fence[] {
  const fences: Fence[] = []
  for (let index = 0; index < lines.length; index += 1) {
    const [, indent = '', ticks, language = '', marks = ''] = /^( *)(`{3,})(\S*) *(.*)$/.exec(lines[index] ?? '') ?? []
    if (ticks === undefined) continue
    const start = index + 1
    const end = lines.findIndex((line, at) => at >= start && line.trim() === ticks)
    if (end < 0) throw new Error(`${document}:${start}: a fence without an end`)
    if (otherNames.includes(language)) throw new Error(`${document}:${start}: \`${language}\` is written \`ts\` here`)
    if (language === 'ts') {
      const body = lines.slice(start, end).map(line => (line.startsWith(indent) ? line.slice(indent.length) : line))
      fences.push({ line: start + 1, marks: marksOf(`${document}:${start}`, marks), lines: body })
    }
    index = end
  }
  return fences
}

function marksOf(where: string, text: string): readonly string[] {
  const marks = text.split(/\s+/).filter(mark => mark !== '')
  const unknown = marks.find(mark => !knownMarks.includes(mark))
  if (unknown !== undefined)
    throw new Error(`${where}: \`ts ${unknown}\` means nothing; known are ${knownMarks.join(', ')}`)
  return marks
}

// Keeps the line numbers: what is outside a docstring becomes an empty line.
function docstringsOnly(text: string): readonly string[] {
  let isInside = false
  return text.split('\n').map(line => {
    if (/^\s*\/\*\*/.test(line)) isInside = true
    const kept = isInside ? line.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, '') : ''
    if (line.includes('*/')) isInside = false
    return kept
  })
}
