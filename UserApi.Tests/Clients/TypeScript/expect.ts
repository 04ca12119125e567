declare const process: { argv: string[] };

/** Where the API listens. */
export const baseUrl: string = process.argv[2] ?? "";

export function equal<T>(expected: T, actual: T): void {
  if (actual !== expected) {
    throw new Error(`Expected ${expected}, got ${actual}`);
  }
}

/** What must be there. */
export function some<T>(value: T | null | undefined | void): T {
  if (value === null || value === undefined) {
    throw new Error("Nothing is there.");
  }

  return value;
}
