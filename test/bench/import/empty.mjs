// Nothing: what starting and ending Node costs by itself.
