/** What the engine says of its functions: `system.functions` and `system.aggregate_function_combinators`. */
export interface FunctionEntry {
  readonly name: string;
  /** Empty when the name is no alias. */
  readonly aliasTo: string;
  readonly category: string;
  readonly isAggregate: boolean;
  readonly isCaseInsensitive: boolean;
}

export type FunctionVerdict = 'allowed' | 'refused' | 'unknown';

/**
 * Which functions a stranger may name. By the engine's own categories, because they hold for functions nobody here
 * has heard of: those that compute from their arguments are allowed as a kind, the others one by one. What a newer
 * engine adds to another category, or with a category of its own, is refused until somebody has looked at it.
 */
export class FunctionCatalog {
  readonly #exact = new Map<string, FunctionEntry>();
  readonly #folded = new Map<string, FunctionEntry>();
  readonly #combinators: readonly string[];

  constructor(functions: readonly FunctionEntry[], combinators: readonly string[]) {
    for (const entry of functions) {
      this.#exact.set(entry.name, entry);
      if (entry.isCaseInsensitive) this.#folded.set(entry.name.toLowerCase(), entry);
    }
    // The longest first: `OrDefault` before a shorter one that ends alike.
    this.#combinators = [...combinators].sort((a, b) => b.length - a.length);
  }

  /** `more`: names allowed beside those that everybody may use. */
  verdict(name: string, more: ReadonlySet<string>): FunctionVerdict {
    if (syntaxFunctions.has(name)) return 'allowed';
    if (name.length > nameCharactersMax) return 'unknown';
    const entry = this.#find(name) ?? this.#withoutCombinators(name);
    if (entry === undefined) return 'unknown';
    const target = entry.aliasTo === '' ? entry : (this.#exact.get(entry.aliasTo) ?? entry);
    if (excepted.has(target.name)) return more.has(target.name) ? 'allowed' : 'refused';
    const isAllowed = computing.has(target.category) || named.has(target.name) || more.has(target.name);
    return isAllowed ? 'allowed' : 'refused';
  }

  #find(name: string): FunctionEntry | undefined {
    return this.#exact.get(name) ?? this.#folded.get(name.toLowerCase());
  }

  /** `sumIf`, `quantilesTDigestMergeState`: an aggregate function with any number of combinators behind it. */
  #withoutCombinators(name: string): FunctionEntry | undefined {
    const combinator = this.#combinators.find((one) => name.length > one.length && name.endsWith(one));
    if (combinator === undefined) return undefined;
    const rest = name.slice(0, -combinator.length);
    const entry = this.#find(rest);
    return entry?.isAggregate === true ? entry : this.#withoutCombinators(rest);
  }
}

/**
 * The engine takes longer ones, of a thousand bytes, for an aggregate function with hundreds of combinators; to take
 * these off one by one would be quadratic.
 */
const nameCharactersMax = 256;

/** Written as operators or as clauses, or made by the engine for values of parameters (`_CAST`). */
const syntaxFunctions: ReadonlySet<string> = new Set([
  '_CAST',
  'caseWithExpression',
  'exists',
  'grouping',
  'lambda',
  'untuple',
]);

/** Categories of functions whose results follow from their arguments, the clock or chance. */
const computing: ReadonlySet<string> = new Set([
  'Aggregate Functions',
  'Arithmetic',
  'Arrays',
  'Bit',
  'Bitmap',
  'Comparison',
  'Conditional',
  'Dates and Times',
  'Distance',
  'Encoding',
  'Encryption',
  'Financial',
  'Geo',
  'Geo Polygon',
  'Hash',
  'IP Address',
  'JSON',
  'Logical',
  'Map',
  'Mathematical',
  'Null',
  'NumericIndexedVector',
  'QBit',
  'Random Number',
  'Rounding',
  'String',
  'String Replacement',
  'String Search',
  'String Splitting',
  'Time Window',
  'Tuple',
  'Type Conversion',
  'URL',
  'UUID',
]);

/** In those categories, but they name a format (which may open a schema or a template) or the library itself. */
const excepted: ReadonlySet<string> = new Set(['chdb', 'formatRow', 'formatRowNoNewline']);

/** Of the mixed category `Other`: no path, no host, no other statement, no waiting. */
const named: ReadonlySet<string> = new Set([
  'bar',
  'byteSize',
  'countDigits',
  'currentDatabase',
  'currentProfiles',
  'currentQueryID',
  'currentRoles',
  'currentSchemas',
  'currentUser',
  'defaultProfiles',
  'defaultRoles',
  'defaultValueOfArgumentType',
  'defaultValueOfTypeName',
  'digits',
  'displayName',
  'dumpColumnStructure',
  'enabledProfiles',
  'enabledRoles',
  'errorCodeToName',
  'finalizeAggregation',
  'formatQuery',
  'formatQueryOrNull',
  'formatQuerySingleLine',
  'formatQuerySingleLineOrNull',
  'formatReadableDecimalSize',
  'formatReadableQuantity',
  'formatReadableSize',
  'formatReadableTimeDelta',
  'getSetting',
  'getSettingOrDefault',
  'getSizeOfEnumType',
  'getSubcolumn',
  'identity',
  'ignore',
  'indexHint',
  'initialQueryID',
  'initializeAggregation',
  'isConstant',
  'isDecimalOverflow',
  'lowCardinalityIndices',
  'lowCardinalityKeys',
  'materialize',
  'minSampleSizeContinuous',
  'minSampleSizeConversion',
  'neighbor',
  'normalizeQuery',
  'normalizeQueryKeepNames',
  'normalizedQueryHash',
  'normalizedQueryHashKeepNames',
  'parseReadableSize',
  'parseReadableSizeOrNull',
  'parseReadableSizeOrZero',
  'parseTimeDelta',
  'queryID',
  'revision',
  'rowNumberInAllBlocks',
  'rowNumberInBlock',
  'runningAccumulate',
  'runningDifference',
  'runningDifferenceStartingWithFirstValue',
  'throwIf',
  'toColumnTypeName',
  'toTypeName',
  'tokenizeQuery',
  'transform',
  'uptime',
  'variantElement',
  'variantType',
  'version',
  'visibleWidth',
]);
