// Numbers as text. The shortest digits that give a double back are dear to find (Ryū, Grisu), except where three decimals are known
// to be enough, as for durations: a quotient of whole numbers with fewer than 15 digits has no shorter form than its own.

const decimals: readonly string[] = Array.from({ length: 1_000 }, (_, thousandths) =>
  thousandths === 0
    ? ''
    : `.${String(1_000 + thousandths)
        .slice(1)
        .replace(/0+$/, '')}`,
)

/** As `String` gives it. */
export function numberText(value: number): string {
  if (!(value >= 0 && value < 1e6)) return String(value)
  const thousandths = Math.round(value * 1_000)
  if (thousandths / 1_000 !== value) return String(value)
  const whole = Math.floor(thousandths / 1_000)
  return String(whole) + (decimals[thousandths - whole * 1_000] ?? '')
}
