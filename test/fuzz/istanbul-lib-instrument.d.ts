/** The part of the `istanbul-lib-instrument` package that is used; it ships no types. */
declare module 'istanbul-lib-instrument' {
  export interface Instrumenter {
    instrumentSync(code: string, path: string): string;
  }
  export function createInstrumenter(options: {
    readonly esModules: boolean;
    readonly coverageVariable: string;
    readonly compact: boolean;
  }): Instrumenter;
}
