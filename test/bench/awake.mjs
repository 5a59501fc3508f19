// Keeps the process that drives a measured one from falling asleep. Who writes to a process that sleeps pays for waking it, in a virtual
// machine some 15 µs: the slower a server is, the more often its load sleeps, and the more of that it would be charged.
const turn = () => void setImmediate(turn)
turn()
