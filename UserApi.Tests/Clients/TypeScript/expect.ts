declare const process: { argv: string[] };

/** The address at which the API listens. */
export const baseUrl: string = process.argv[2] ?? "";

export function equal<T>(expected: T, actual: T): void {
  if (actual !== expected) {
    throw new Error(`Expected ${expected}, got ${actual}`);
  }
}

/** Returns the value, which must not be missing. */
export function some<T>(value: T | null | undefined | void): T {
  if (value === null || value === undefined) {
    throw new Error("A value is missing.");
  }

  return value;
}
