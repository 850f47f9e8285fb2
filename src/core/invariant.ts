/** Thrown when the program, not its input or its environment, is wrong. Never caught to continue. */
class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** States what must hold here; a violation is a defect of this program. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
