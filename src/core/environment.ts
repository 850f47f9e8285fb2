/** The variables of a process, as the edge hands them in. */
export type Environment = Readonly<Record<string, string | undefined>>;
