// What a benchmark is: data. The runner, the statistics and the report read it and know nothing of what is measured.

/** Figures by column: what one process measured. */
export type Figures = Readonly<Record<string, number>>

/** One of the things that are compared. */
export interface Contender {
  readonly name: string
  /** Relative to `test/bench`: plain JavaScript for bare `node`. Its last line on stdout is a JSON object of {@link Figures}. */
  readonly file: string
  readonly args?: readonly string[]
  /** Takes part in so many of the first rounds: of a row about which nothing is promised. @defaultValue all */
  readonly rounds?: number
}

/** Two rows whose ratio matters, or one whose figure does. */
export interface Target {
  readonly ours: string
  /** Where it is left out, `atMost` bounds the figure itself: a promise for the machine of the report. */
  readonly theirs?: string
  readonly column: string
  /** The most that `ours / theirs` may be; where it is left out, nothing was promised. */
  readonly atMost?: number
}

export interface Bench {
  readonly name: string
  /** One sentence: what is measured, and its unit. */
  readonly title: string
  readonly contenders: readonly Contender[]
  /** In the order of the table. Where they differ in unit, the column says which it has. A contender may have nothing to say in one. */
  readonly columns: readonly string[]
  /** Arguments for one process each, after the contender's own. @defaultValue one process without more arguments */
  readonly passes?: readonly (readonly string[])[]
  readonly rounds: number
  /** The row, and the column of it, that the ratios of the table refer to. */
  readonly against: { readonly contender: string; readonly column: string }
  readonly targets: readonly Target[]
  /** Packages in `peers/` whose versions belong to the result. */
  readonly peers: readonly string[]
  /** What else the report says, in Markdown: measured when all rounds are over. @defaultValue nothing */
  appendix?(): Promise<string>
  /** Runs one contender once. @defaultValue a fresh process pinned to one core */
  run?(contender: Contender, pass: readonly string[]): Promise<Figures>
}
