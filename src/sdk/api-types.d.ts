/** Made by npm run reference from the description of the API: change the routes, not this. */
/** OneOf type helpers */
type Without<T, U> = { [P in Exclude<keyof T, keyof U>]?: never };
type XOR<T, U> = (T | U) extends object ? (Without<T, U> & U) | (Without<U, T> & T) : T | U;
type OneOf<T extends any[]> = T extends [infer Only] ? Only : T extends [infer A, infer B, ...infer Rest] ? OneOf<[XOR<A, B>, ...Rest]> : never;

export interface paths {
  "/api/v1/agent-studio/agents/{agent_id}/metrics": {
    /** Executions, success rate, durations, errors, trend and usage of an agent over a range */
    get: operations["getStudioAgentMetrics"];
  };
  "/api/v1/agent-studio/metrics/dashboard": {
    /** A tenant at a glance: agents, executions, who does well, who has issues, and why */
    get: operations["getStudioDashboard"];
  };
  "/api/v1/agents": {
    /** Agents that events were received of, by id, with their last 24 hours */
    get: operations["listAgents"];
  };
  "/api/v1/agents/history": {
    /** Runs with their inputs and outputs, newest start first */
    get: operations["listAgentHistory"];
  };
  "/api/v1/agents/logs": {
    /** The tasks and step attempts of a run in the order of time, with errors and the final output */
    get: operations["getRunLogs"];
  };
  "/api/v1/agents/{agent_id}/breakdown": {
    /** Executions and usage of an agent by version, model, provider or environment */
    get: operations["getAgentBreakdown"];
  };
  "/api/v1/agents/{agent_id}/errors": {
    /** Failed executions of an agent in groups, the most frequent first */
    get: operations["listAgentErrors"];
  };
  "/api/v1/agents/{agent_id}/live": {
    /** Rolling windows of an agent, of this collector or of the fleet: 1 m, 5 m, 15 m, 1 h and 24 h */
    get: operations["getAgentLive"];
  };
  "/api/v1/agents/{agent_id}/metrics": {
    /** Executions, success rate, durations, errors, trend and usage of an agent over a range */
    get: operations["getAgentMetrics"];
  };
  "/api/v1/agents/{agent_id}/series": {
    /** Metrics of an agent by time, a point for every bucket of the range */
    get: operations["getAgentSeries"];
  };
  "/api/v1/audit": {
    /** What was done with admin keys of the tenant, newest first; go on with `until` of the last entry */
    get: operations["listAudit"];
  };
  "/api/v1/engagements/{engagement_id}/performance": {
    /** Executions and usage of an engagement by UTC day, from the events that name it */
    get: operations["getEngagementPerformance"];
  };
  "/api/v1/erasures": {
    /** Erases a list of runs as one request; 202 while events received before it wait for their insert */
    post: operations["eraseRuns"];
  };
  "/api/v1/events/schema": {
    /** JSON Schema of an event */
    get: operations["getEventSchema"];
  };
  "/api/v1/failures": {
    /** Failed attempts of runs, tasks and steps, newest first, and what became of each */
    get: operations["listFailures"];
  };
  "/api/v1/failures/breakdown": {
    /** Failed attempts in groups: counts, what was retried and recovered, what was wasted, and over time */
    get: operations["getFailureBreakdown"];
  };
  "/api/v1/flows": {
    /** How the runs of each flow fared that started within a range, the latest run first */
    get: operations["listFlows"];
  };
  "/api/v1/keys": {
    /** The API keys of the tenant, the oldest first, without the keys themselves */
    get: operations["listKeys"];
    /** Makes an API key of the tenant; the key itself is told in this answer and never again */
    post: operations["createKey"];
  };
  "/api/v1/keys/{name}": {
    /** Takes an API key of the tenant back: from now on it opens nothing */
    delete: operations["revokeKey"];
  };
  "/api/v1/keys/{name}/limits": {
    /** Gives an API key of the tenant these limits of its own, in place of those it has had; in force at once */
    post: operations["limitKey"];
  };
  "/api/v1/keys/{name}/rotate": {
    /** Gives an API key of the tenant a new secret, told in this answer alone; the old one is good for a while */
    post: operations["rotateKey"];
  };
  "/api/v1/maintenance/days": {
    /** The latest finalizations of days that looked at this tenant */
    get: operations["listFinalizations"];
  };
  "/api/v1/maintenance/days/{day}": {
    /** Recomputes a finished day of the tenant, or of one agent, from its distinct raw events */
    post: operations["finalizeDay"];
  };
  "/api/v1/maintenance/snapshots": {
    /** Takes an image of the data directory beside it, for tidemark backup, in place of the last one */
    post: operations["takeSnapshot"];
  };
  "/api/v1/maintenance/snapshots/{snapshot_id}": {
    /** Deletes an image of the data directory; one that is not there is no error */
    delete: operations["dropSnapshot"];
  };
  "/api/v1/metrics/dashboard": {
    /** A tenant at a glance: agents, executions, who does well, who has issues, and why */
    get: operations["getDashboard"];
  };
  "/api/v1/metrics/export": {
    /** Daily rows of the tenant as a file of any size: a row an agent and day */
    get: operations["exportMetrics"];
  };
  "/api/v1/monitoring/agents/{agent_id}/memory/stats": {
    /** What an agent stored in memory and recalled from it, in all and by day */
    get: operations["getAgentMemory"];
  };
  "/api/v1/monitoring/endpoints": {
    /** Requests of this collector by endpoint over a rolling window, with errors and durations */
    get: operations["listEndpoints"];
  };
  "/api/v1/monitoring/erasures": {
    /** What was erased, newest first; of one run or person with its id */
    get: operations["listErasures"];
  };
  "/api/v1/monitoring/storage": {
    /** Rows, bytes and age of each table, what of it is the own tenant's, the spool and the free disk */
    get: operations["getStorage"];
  };
  "/api/v1/monitoring/system/health": {
    /** Every dependency with its status and why, and the ledger of events */
    get: operations["getSystemHealth"];
  };
  "/api/v1/monitoring/tasks": {
    /** Tasks in their latest state, newest start first */
    get: operations["listTasks"];
  };
  "/api/v1/monitoring/tasks/{task_id}": {
    /** One task in full, with its attempts, steps, failures and newest logs */
    get: operations["getTask"];
  };
  "/api/v1/patterns": {
    /** The patterns agents have observed, last observed first */
    get: operations["listPatterns"];
  };
  "/api/v1/patterns/{pattern_id}": {
    /** One pattern with its evidence and newest feedback */
    get: operations["getPattern"];
  };
  "/api/v1/patterns/{pattern_id}/feedback": {
    /** Takes feedback on a pattern as an event: durable when answered, counted once with an Idempotency-Key */
    post: operations["addPatternFeedback"];
  };
  "/api/v1/runs": {
    /** Runs in their latest state, newest start first, with statistics over the filter */
    get: operations["listRuns"];
  };
  "/api/v1/runs/{run_id}": {
    /** One run with its usage, its first tasks and its failures */
    get: operations["getRun"];
    /** Erases a run from the store; 202 while events received before it wait for their insert */
    delete: operations["eraseRun"];
  };
  "/api/v1/runs/{run_id}/timeline": {
    /** The tasks and step attempts of a run as a tree, with usage and the critical path */
    get: operations["getRunTimeline"];
  };
  "/api/v1/users/{user_id}": {
    /** Erases what belongs to a person from the store; 202 while events received before it wait for their insert */
    delete: operations["eraseUser"];
  };
  "/api/v1/whoami": {
    /** The tenant, the user and the scopes of the key */
    get: operations["getWhoami"];
  };
  "/health": {
    /** Whether events are accepted, for load balancers: 200 when they are, 503 when not */
    get: operations["getHealth"];
  };
  "/health/deep": {
    /** Every dependency with its status and why, and the ledger of events */
    get: operations["getDeepHealth"];
  };
  "/metrics": {
    /** Every metric of the collector in the Prometheus text format */
    get: operations["getPrometheusMetrics"];
  };
}

export type webhooks = Record<string, never>;

export interface components {
  schemas: {
    readonly AddPatternFeedbackAnswer: {
      readonly pattern_id: string;
      readonly event_id: string;
      /** @description The Idempotency-Key was seen before: nothing is counted again. */
      readonly duplicate: boolean;
    };
    readonly AddPatternFeedbackBody: {
      readonly score: number;
      readonly text?: string;
      readonly user_id?: string;
    };
    readonly Agent: {
      readonly agent_id: string;
      readonly agent_name: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_seen: string;
      readonly executions_24h: number;
      readonly successful_24h: number;
      readonly failed_24h: number;
      /** @description Percent, to two decimals. */
      readonly success_rate_24h: number | null;
    };
    readonly AgentBreakdown: {
      readonly agent_id: string;
      /** @enum {string} */
      readonly group_by: "version" | "model" | "provider" | "environment";
      /** @description Null when from and to were given. */
      readonly time_range: ("1d" | "7d" | "30d" | "90d") | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly limit: number;
      readonly total_groups: number;
      readonly totals: {
        /** @description Executions: tasks that ended. */
        readonly total: number;
        readonly successful: number;
        readonly failed: number;
        readonly cancelled: number;
        /** @description Percent, to two decimals. */
        readonly success_rate: number | null;
        /** @description Percent, to two decimals. */
        readonly error_rate: number | null;
        /** @description Executions whose duration is told or known from their start. */
        readonly timed: number;
        readonly execution_times: components["schemas"]["ExecutionTimes"];
        readonly llm_calls: number;
        readonly tokens: components["schemas"]["Tokens"];
        /** @description US cents; null where nobody reported a cost. */
        readonly cost_cents: number | null;
        /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
        readonly tokens_unpriced: number;
        readonly first_seen: string | null;
        readonly last_seen: string | null;
      };
      readonly groups: readonly components["schemas"]["AgentBreakdownGroup"][];
      /** @description What is in no listed group; null when nothing is. */
      readonly other: ({
        readonly groups: number;
        /** @description Executions: tasks that ended. */
        readonly total: number;
        readonly successful: number;
        readonly failed: number;
        readonly cancelled: number;
        /** @description Percent, to two decimals. */
        readonly success_rate: number | null;
        /** @description Percent, to two decimals. */
        readonly error_rate: number | null;
        /** @description Executions whose duration is told or known from their start. */
        readonly timed: number;
        readonly execution_times: components["schemas"]["ExecutionTimes"];
        readonly llm_calls: number;
        readonly tokens: components["schemas"]["Tokens"];
        /** @description US cents; null where nobody reported a cost. */
        readonly cost_cents: number | null;
        /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
        readonly tokens_unpriced: number;
        readonly first_seen: string | null;
        readonly last_seen: string | null;
      }) | null;
      readonly coverage: {
        /** @description What ended from then on is counted; null: nothing of the range is kept. */
        readonly from: string | null;
        readonly source: readonly string[];
      };
    };
    readonly AgentBreakdownGroup: {
      /** @description What the group has in common; null where it was not told. */
      readonly key: string | null;
      /** @description Executions: tasks that ended. */
      readonly total: number;
      readonly successful: number;
      readonly failed: number;
      readonly cancelled: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      /** @description Executions whose duration is told or known from their start. */
      readonly timed: number;
      readonly execution_times: components["schemas"]["ExecutionTimes"];
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      readonly first_seen: string | null;
      readonly last_seen: string | null;
    };
    /** @description The headers tell what an array has no room for: x-total-count, x-total-is-exact (false: there are at least so many), x-next-cursor and link where there are more. */
    readonly AgentHistory: readonly components["schemas"]["AgentHistoryRun"][];
    readonly AgentHistoryRun: {
      readonly run_id: string;
      readonly agent_id: string;
      readonly user_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "success" | "running" | "orphaned" | "failed" | "cancelled";
      /** @enum {string} */
      readonly state: "running" | "orphaned" | "completed" | "failed" | "cancelled";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly started_at: string;
      /** @description Seconds, such as 45s; null while it is not known. */
      readonly duration: string | null;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      /** @description The inputs as text; null without inputs. */
      readonly input: string | null;
      /** @description The outputs as text; null without outputs. */
      readonly output: string | null;
      readonly inputs: {
        [key: string]: string;
      };
      readonly outputs: {
        [key: string]: string;
      };
      /** @description Attempts of steps that ended, and tasks that ended. */
      readonly node_count: number;
      readonly tokens_used: number;
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
    };
    readonly AgentIssue: OneOf<[{
      /** @constant */
      readonly reason: "error_rate_high";
      readonly message: string;
      readonly recent: components["schemas"]["IssueOutcomes"];
      readonly error_rate_max: number;
    }, {
      /** @constant */
      readonly reason: "error_rate_regression";
      readonly message: string;
      readonly recent: components["schemas"]["IssueOutcomes"];
      readonly baseline: components["schemas"]["IssueOutcomes"];
      readonly change_points: number;
      readonly p_value: number | null;
    }, {
      /** @constant */
      readonly reason: "p95_regression";
      readonly message: string;
      readonly recent: components["schemas"]["IssueP95"];
      readonly baseline: components["schemas"]["IssueP95"];
      readonly ratio: number | null;
      /** @description Milliseconds. */
      readonly compared_at_ms: number | null;
      readonly p_value: number | null;
    }]>;
    readonly ApiKey: {
      /** @description What it is called in lists and logs; not the key. */
      readonly name: string;
      readonly scopes: readonly ("ingest" | "read" | "admin" | "metrics")[];
      /** @description The key sends and reads what is of this user alone. */
      readonly user_id: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly created_at: string;
      /** @description When it got the secret it has now; null: it was made with it. */
      readonly rotated_at: string | null;
      /** @description Until when a secret of before is good; null: none is. */
      readonly previous_until: string | null;
      readonly limits: components["schemas"]["KeyLimits"];
      /** @description Acknowledged in this UTC day; null without a daily quota. */
      readonly events_today: number | null;
    };
    readonly AuditEntry: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly at: string;
      /** @description The id of the operation, as in this description. */
      readonly action: string;
      /** @description `done`, or the code of the error. */
      readonly outcome: string;
      /** @description The name of the key; `local:<user>` for the command line. */
      readonly actor: string | null;
      readonly address: string | null;
      readonly what: {
        [key: string]: string | number | boolean | null;
      };
    };
    readonly CreateKeyAnswer: {
      /** @description The key, this once. */
      readonly key: string;
      /** @description What it is called in lists and logs; not the key. */
      readonly name: string;
      readonly scopes: readonly ("ingest" | "read" | "admin" | "metrics")[];
      /** @description The key sends and reads what is of this user alone. */
      readonly user_id: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly created_at: string;
      /** @description When it got the secret it has now; null: it was made with it. */
      readonly rotated_at: string | null;
      /** @description Until when a secret of before is good; null: none is. */
      readonly previous_until: string | null;
      readonly limits: components["schemas"]["KeyLimits"];
      /** @description Acknowledged in this UTC day; null without a daily quota. */
      readonly events_today: number | null;
    };
    readonly CreateKeyBody: {
      readonly scopes: readonly ("ingest" | "read" | "admin")[];
      readonly user_id?: string;
      readonly limits?: components["schemas"]["KeyLimits"];
    };
    readonly DailyRow: {
      readonly agent_id: string;
      /** Format: date */
      readonly day: string;
      readonly agent_name: string | null;
      readonly events: number;
      readonly total: number;
      readonly successful: number;
      readonly failed: number;
      readonly cancelled: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      /** @description Milliseconds. */
      readonly avg_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly min_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly max_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p50_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p95_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p99_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p95_successful_duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens_in: number;
      readonly tokens_out: number;
      /** @description Millionths of a US dollar; null where nobody reported a cost. */
      readonly cost_micros: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description A mean of doubles, good to 12 digits. */
      readonly avg_confidence: number | null;
      /** @description A mean of doubles, good to 12 digits. */
      readonly avg_memory_mb: number | null;
      /** @description As it was sent. */
      readonly max_memory_mb: number | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_received: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_received: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly created_at: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly updated_at: string;
    };
    readonly DashboardPoint: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly at: string;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      readonly total_executions: number;
      readonly successful_executions: number;
      readonly failed_executions: number;
      readonly cancelled_executions: number;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
    };
    readonly DashboardWindow: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      /** @description Percent, to two decimals. */
      readonly average_success_rate: number | null;
      readonly total_executions: number;
      readonly successful_executions: number;
      readonly failed_executions: number;
      readonly cancelled_executions: number;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
    };
    readonly DependencyHealth: {
      readonly name: string;
      readonly status: components["schemas"]["HealthStatus"];
      readonly reason: string | null;
      readonly details: {
        [key: string]: string | number | boolean | null;
      };
    };
    readonly DropSnapshotAnswer: {
      readonly dropped: boolean;
    };
    readonly Endpoint: {
      readonly method: string;
      readonly route: string;
      readonly requests: number;
      readonly client_errors: number;
      readonly server_errors: number;
      /** @description Milliseconds. */
      readonly p50_ms: number | null;
      /** @description Milliseconds. */
      readonly p90_ms: number | null;
      /** @description Milliseconds. */
      readonly p99_ms: number | null;
    };
    readonly EngagementDay: {
      /** Format: date */
      readonly day: string;
      readonly events: number;
      readonly total: number;
      readonly successful: number;
      readonly failed: number;
      readonly cancelled: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      /** @description Milliseconds. */
      readonly avg_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly min_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly max_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p50_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p95_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p99_duration_ms: number | null;
      /** @description Milliseconds. */
      readonly p95_successful_duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens_in: number;
      readonly tokens_out: number;
      /** @description Millionths of a US dollar; null where nobody reported a cost. */
      readonly cost_micros: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description A mean of doubles, good to 12 digits. */
      readonly avg_confidence: number | null;
      /** @description A mean of doubles, good to 12 digits. */
      readonly avg_memory_mb: number | null;
      /** @description As it was sent. */
      readonly max_memory_mb: number | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_received: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_received: string;
    };
    readonly EraseRunsBody: {
      readonly runs: readonly string[];
    };
    readonly Erasure: {
      readonly erasure_id: string;
      /** @enum {string} */
      readonly kind: "run" | "user";
      /**
       * @description Pending: events received before it wait for their insert; it is completed after them.
       * @enum {string}
       */
      readonly status: "completed" | "pending";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly requested_at: string;
      readonly completed_at: string | null;
      /** @description Rows erased, by table. */
      readonly rows: {
        [key: string]: number;
      };
      /** @description Runs or people it is about. */
      readonly ids: number;
    };
    readonly ErasureRecord: {
      readonly erasure_id: string;
      /** @enum {string} */
      readonly kind: "run" | "user";
      /**
       * @description Pending: events received before it wait for their insert; it is completed after them.
       * @enum {string}
       */
      readonly status: "completed" | "pending";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly requested_at: string;
      readonly completed_at: string | null;
      /** @description Rows erased, by table. */
      readonly rows: {
        [key: string]: number;
      };
      /** @description Runs or people it is about; null before it is complete, and once their hashes have expired. */
      readonly ids: number | null;
      /** @description Name of the key it was asked with. */
      readonly requested_by: string;
      /** @description Rows of events that came later and were erased as well. */
      readonly late_rows: number;
      /** @description When no data file of the store held any of it any more. */
      readonly purged_at: string | null;
    };
    readonly ErrorCoverage: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      /** @enum {string} */
      readonly recovered_as_of: "maintenance" | "now";
    };
    readonly ErrorGroupWithDays: {
      readonly category: string | null;
      readonly code: string | null;
      readonly message: string | null;
      readonly count: number;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_seen: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_seen: string;
      readonly affected_runs: number;
      readonly recovered: number;
      readonly failed_for_good: number;
      readonly days: readonly {
          /** Format: date */
          readonly day: string;
          readonly count: number;
        }[];
    };
    readonly EventLedger: {
      readonly received: number;
      readonly durable: number;
      readonly duplicate: number;
      readonly rejected: number;
      readonly refused: number;
      readonly underway: number;
      readonly recovered: number;
      readonly inserted: number;
      readonly spooled: number;
      readonly quarantined: number;
      readonly balanced: boolean;
      readonly intake_difference: number;
      readonly delivery_difference: number;
    };
    readonly ExecutionHalf: {
      readonly executions: number;
      readonly successful_min: number;
      readonly successful_max: number;
    };
    readonly ExecutionTimes: {
      /** @description Milliseconds. */
      readonly avg_ms: number | null;
      /** @description Milliseconds. */
      readonly min_ms: number | null;
      /** @description Milliseconds. */
      readonly max_ms: number | null;
      /** @description Milliseconds. */
      readonly p50_ms: number | null;
      /** @description Milliseconds. */
      readonly p95_ms: number | null;
      /** @description Milliseconds. */
      readonly p99_ms: number | null;
    };
    readonly ExportMetricsAnswer: readonly components["schemas"]["DailyRow"][];
    readonly FailedAttempt: {
      /** @enum {string} */
      readonly type: "run" | "task" | "step";
      readonly task_id: string | null;
      readonly step_id: string | null;
      readonly attempt: number | null;
      readonly name: string | null;
      readonly kind: string | null;
      readonly agent_id: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly failed_at: string;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      readonly error_message: string | null;
      /** @description There is a later attempt. */
      readonly retried: boolean;
      /** @description A later attempt completed. */
      readonly recovered: boolean;
    };
    readonly Failure: {
      /** @enum {string} */
      readonly kind: "run" | "task" | "step";
      /**
       * @description recovered: a later try completed; retried: one began, none completed so far; failed: none began.
       * @enum {string}
       */
      readonly status: "failed" | "retried" | "recovered";
      readonly agent_id: string;
      readonly run_id: string | null;
      readonly task_id: string | null;
      readonly step_id: string | null;
      readonly parent_id: string | null;
      readonly environment: string | null;
      readonly attempt: number | null;
      readonly name: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      readonly step_kind: string | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      readonly error_message: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly failed_at: string;
      readonly duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      readonly links: {
        readonly run: string | null;
        readonly task: string | null;
      };
    };
    readonly FailureBreakdown: {
      /** @enum {string} */
      readonly group_by: "category" | "code" | "agent" | "model" | "provider" | "tool" | "environment";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly limit: number;
      readonly total_groups: number;
      /** @description Null: what was retried and recovered is as of now. A time: as of then, because very much came since. */
      readonly outcomes_as_of: string | null;
      readonly totals: {
        /** @description Failed attempts. */
        readonly count: number;
        /** @description Those of them with a later try, recovered ones among them. */
        readonly retried: number;
        /** @description Those of them with a later try that completed. */
        readonly recovered: number;
        /** @description The others: count less recovered. */
        readonly failed_for_good: number;
        /** @description Usage of the failed attempts themselves. */
        readonly wasted: {
          readonly llm_calls: number;
          readonly tokens: components["schemas"]["Tokens"];
          /** @description US cents; null where nobody reported a cost. */
          readonly cost_cents: number | null;
          /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
          readonly tokens_unpriced: number;
        };
        readonly affected_agents: number;
        readonly affected_runs: number;
        readonly first_seen: string | null;
        readonly last_seen: string | null;
      };
      /**
       * @description Length of a bucket, chosen from the range.
       * @enum {string}
       */
      readonly step: "1m" | "5m" | "15m" | "1h" | "6h" | "1d" | "10d" | "100d";
      /** @description Start of each bucket. */
      readonly buckets: readonly string[];
      readonly groups: readonly components["schemas"]["FailureGroup"][];
      /** @description What is in no listed group; null when nothing is. */
      readonly other: ({
        readonly groups: number;
        /** @description Percent of all failed attempts of the answer. */
        readonly share: number;
        /** @description Failed attempts. */
        readonly count: number;
        /** @description Those of them with a later try, recovered ones among them. */
        readonly retried: number;
        /** @description Those of them with a later try that completed. */
        readonly recovered: number;
        /** @description The others: count less recovered. */
        readonly failed_for_good: number;
        /** @description Usage of the failed attempts themselves. */
        readonly wasted: {
          readonly llm_calls: number;
          readonly tokens: components["schemas"]["Tokens"];
          /** @description US cents; null where nobody reported a cost. */
          readonly cost_cents: number | null;
          /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
          readonly tokens_unpriced: number;
        };
        readonly affected_agents: number;
        readonly affected_runs: number;
        readonly first_seen: string | null;
        readonly last_seen: string | null;
        /** @description Failed attempts in each of the buckets, in their order. */
        readonly series: readonly number[];
      }) | null;
    };
    readonly FailureGroup: {
      /** @description What the group has in common; null where it was not reported. */
      readonly key: string | null;
      /** @description Percent of all failed attempts of the answer. */
      readonly share: number;
      /** @description Failed attempts. */
      readonly count: number;
      /** @description Those of them with a later try, recovered ones among them. */
      readonly retried: number;
      /** @description Those of them with a later try that completed. */
      readonly recovered: number;
      /** @description The others: count less recovered. */
      readonly failed_for_good: number;
      /** @description Usage of the failed attempts themselves. */
      readonly wasted: {
        readonly llm_calls: number;
        readonly tokens: components["schemas"]["Tokens"];
        /** @description US cents; null where nobody reported a cost. */
        readonly cost_cents: number | null;
        /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
        readonly tokens_unpriced: number;
      };
      readonly affected_agents: number;
      readonly affected_runs: number;
      readonly first_seen: string | null;
      readonly last_seen: string | null;
      /** @description Failed attempts in each of the buckets, in their order. */
      readonly series: readonly number[];
      readonly examples: readonly {
          readonly run_id: string;
          /**
           * Format: date-time
           * @description RFC 3339 with milliseconds, in UTC.
           */
          readonly last_failed_at: string;
          readonly link: string;
        }[];
    };
    readonly FailurePage: {
      readonly failures: readonly components["schemas"]["Failure"][];
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly Finalization: {
      /** Format: date */
      readonly day: string;
      readonly agent_id: string | null;
      readonly agents: number;
      readonly events: number;
      readonly agents_repaired: number;
      readonly took_ms: number;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly finalized_at: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly received_before: string;
      /** @description Null for a day of all tenants; the counts are then those of all. */
      readonly tenant: string | null;
    };
    readonly FinalizeDayAnswer: {
      /** Format: date */
      readonly day: string;
      readonly agent_id: string | null;
      readonly agents: number;
      readonly events: number;
      readonly agents_repaired: number;
      readonly took_ms: number;
    };
    readonly Flow: {
      readonly flow_id: string;
      readonly total_runs: number;
      readonly completed_runs: number;
      readonly failed_runs: number;
      readonly cancelled_runs: number;
      /** @description Running, or silent for longer than their lease. */
      readonly open_runs: number;
      /** @description Of the runs that completed or failed, in percent. */
      readonly success_rate: number | null;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      /** @description Of the runs whose duration is known. */
      readonly execution_times: components["schemas"]["ExecutionTimes"];
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_run_at: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_run_at: string;
    };
    readonly FlowPage: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly flows: readonly components["schemas"]["Flow"][];
      readonly total: number;
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly GetAgentLiveAnswer: {
      readonly agent_id: string;
      /**
       * @description Of this collector alone, or of all that fill the store.
       * @enum {string}
       */
      readonly scope: "collector" | "fleet";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly as_of: string;
      readonly last_seen: string | null;
      /** @description When the agent was last left out of the live windows for want of room; null when they are whole. */
      readonly evicted_at: string | null;
      readonly window_ms: {
        readonly "1m": number;
        readonly "5m": number;
        readonly "15m": number;
        readonly "1h": number;
        readonly "24h": number;
      };
      /** @description Null for a window that reaches back before `evicted_at`: what it held is in the store only. */
      readonly windows: {
        readonly "1m": components["schemas"]["LiveWindow"] | null;
        readonly "5m": components["schemas"]["LiveWindow"] | null;
        readonly "15m": components["schemas"]["LiveWindow"] | null;
        readonly "1h": components["schemas"]["LiveWindow"] | null;
        readonly "24h": components["schemas"]["LiveWindow"] | null;
      };
    };
    readonly GetAgentMemoryAnswer: {
      readonly app_agent_id: string;
      /** @description No memory server stands behind the events. */
      readonly letta_agent_id: null;
      /** @description Memory operations of type memory.stored, of all time. */
      readonly memories_stored_count: number;
      /** @description Memory operations of type memory.recalled, of all time. */
      readonly memories_recalled_count: number;
      /** @description Of all time; null when there was none. */
      readonly last_activity_timestamp: string | null;
      readonly agent_id: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      /** @description Memory operations of type memory.stored within the range. */
      readonly stored: number;
      /** @description Memory operations of type memory.recalled within the range. */
      readonly recalled: number;
      /** @description Of all time; null when there was none. */
      readonly first_activity: string | null;
      /** @description Of all time; null when there was none. */
      readonly last_activity: string | null;
      /** @description Every UTC day of the range, in order; days without a memory operation are zeros. */
      readonly per_day: readonly components["schemas"]["MemoryOfADay"][];
    };
    readonly GetAgentMetricsAnswer: {
      readonly agent_id: string;
      /** @description Null when from and to were given. */
      readonly time_range: ("1d" | "7d" | "30d" | "90d") | null;
      /** @enum {string} */
      readonly metric_type: "realtime" | "aggregated";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly total_executions: number;
      readonly successful_executions: number;
      readonly failed_executions: number;
      readonly cancelled_executions: number;
      /** @description Executions that failed. */
      readonly total_errors: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number;
      /** @description Percent, to two decimals. */
      readonly error_rate: number;
      /** @description Executions whose duration is told or known from their start. */
      readonly timed_executions: number;
      readonly execution_times: components["schemas"]["ExecutionTimes"];
      readonly top_errors: readonly components["schemas"]["TopError"][];
      /**
       * @description The share that succeeded, of the later half of the executions against the earlier: by over 5 points.
       * @enum {string}
       */
      readonly trend: "improving" | "declining" | "stable" | "insufficient_data" | "no_data";
      /** @description What trend was made from: the executions in the order of time, cut in the middle. */
      readonly trend_halves: {
        readonly first: components["schemas"]["ExecutionHalf"];
        readonly second: components["schemas"]["ExecutionHalf"];
      };
      /**
       * @description The later half of the time against the earlier: what changed enough, and not by chance.
       * @enum {string}
       */
      readonly significant_trend: "improving" | "declining" | "stable" | "insufficient_data" | "no_data";
      readonly trend_basis: components["schemas"]["TrendBasis"] | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description A mean, to 12 significant digits. */
      readonly avg_confidence: number | null;
      readonly max_memory_mb: number | null;
      readonly coverage: {
        readonly from: string | null;
        readonly to: string | null;
        readonly freshest_event: string | null;
        readonly errors: components["schemas"]["ErrorCoverage"] | null;
        readonly source: readonly string[];
      };
    };
    readonly GetAgentSeriesAnswer: {
      readonly agent_id: string;
      /** @enum {string} */
      readonly step: "1m" | "5m" | "1h" | "1d";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly points: readonly components["schemas"]["SeriesPoint"][];
    };
    readonly GetDashboardAnswer: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly as_of: string;
      readonly total_agents: number;
      readonly total_executions: {
        readonly "24h": number;
        readonly "7d": number;
        readonly "30d": number;
      };
      /** @description Percent, over 30 days; 0 where nothing is counted in. */
      readonly average_success_rate: number;
      readonly top_performing_agents: readonly components["schemas"]["TopAgent"][];
      readonly agents_with_issues: readonly components["schemas"]["TroubledAgent"][];
      /** @description Every UTC day of the last 30, in order. */
      readonly execution_trends: readonly components["schemas"]["DashboardPoint"][];
      readonly agents: {
        readonly total: number;
        readonly active_24h: number;
        readonly active_7d: number;
        readonly active_30d: number;
      };
      readonly executions: {
        readonly "24h": components["schemas"]["DashboardWindow"];
        readonly "7d": components["schemas"]["DashboardWindow"];
        readonly "30d": components["schemas"]["DashboardWindow"];
      };
      /** @description How the top performing agents were chosen. */
      readonly top_performing: {
        /**
         * Format: date-time
         * @description RFC 3339 with milliseconds, in UTC.
         */
        readonly from: string;
        /**
         * Format: date-time
         * @description RFC 3339 with milliseconds, in UTC.
         */
        readonly to: string;
        readonly finished_executions_min: number;
      };
      /** @description How many agents have issues, of whom at most 50 are listed. */
      readonly with_issues: {
        readonly total: number;
        readonly complete: boolean;
      };
      readonly hourly: readonly components["schemas"]["DashboardPoint"][];
      readonly freshness: {
        readonly newest_received: string | null;
        /** @description Milliseconds. */
        readonly age_ms: number | null;
      };
    };
    readonly GetDeepHealthAnswer: {
      readonly status: components["schemas"]["HealthStatus"];
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly checked_at: string;
      readonly dependencies: readonly components["schemas"]["DependencyHealth"][];
      readonly ledger: components["schemas"]["EventLedger"];
      readonly oldest_undelivered_at: string | null;
      readonly oldest_undelivered_age_ms: number | null;
      /** @description Of every table, over all tenants, at most 5 s old; null while the store does not answer. */
      readonly newest_rows: (readonly components["schemas"]["NewestRow"][]) | null;
    };
    readonly GetEngagementPerformanceAnswer: {
      readonly engagement_id: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      /** @description In order; a UTC day without an event of the engagement is not there. */
      readonly days: readonly components["schemas"]["EngagementDay"][];
    };
    readonly GetEventSchemaAnswer: {
      [key: string]: unknown;
    };
    readonly GetHealthAnswer: {
      readonly status: components["schemas"]["HealthStatus"];
    };
    readonly GetPatternAnswer: {
      readonly pattern_id: string;
      readonly pattern_type: string | null;
      readonly name: string | null;
      /** @description First 1,000 characters of the latest message. */
      readonly description: string | null;
      /** @description The latest, 0 to 1. */
      readonly confidence: number | null;
      /** @description The latest, 0 to 1. */
      readonly effectiveness: number | null;
      /** @description Events of type pattern.observed. */
      readonly observations: number;
      /** @description Agents that observed it, at most 20, the latest first. */
      readonly agents: readonly string[];
      readonly agent_count: number;
      /** @description Distinct references. */
      readonly evidence_count: number;
      /** @description False above 10,000: the count is within 2 percent. */
      readonly evidence_count_exact: boolean;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_seen: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_seen: string;
      readonly feedback: components["schemas"]["PatternFeedback"];
      /** @description Distinct references of the latest observations, newest first, at most 64. */
      readonly evidence: readonly string[];
      /** @description The newest feedback, at most 20. */
      readonly latest_feedback: readonly components["schemas"]["GivenFeedback"][];
    };
    readonly GetStorageAnswer: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly measured_at: string;
      readonly total: {
        readonly rows: number;
        readonly disk_bytes: number;
        readonly tenant_rows: number;
      };
      readonly tables: readonly components["schemas"]["StoredTable"][];
      readonly spool: {
        readonly bytes: number;
        readonly segments: number;
        readonly events: number;
        readonly oldest_undelivered_at: string | null;
        readonly quarantined_segments: number;
      };
      readonly disk: {
        readonly used_bytes: number;
        readonly available_bytes: number;
      };
    };
    readonly GetSystemHealthAnswer: {
      readonly status: components["schemas"]["HealthStatus"];
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly checked_at: string;
      readonly dependencies: readonly components["schemas"]["DependencyHealth"][];
      readonly ledger: components["schemas"]["EventLedger"];
      readonly oldest_undelivered_at: string | null;
      readonly oldest_undelivered_age_ms: number | null;
      /** @description Of every table, over all tenants, at most 5 s old; null while the store does not answer. */
      readonly newest_rows: (readonly components["schemas"]["NewestRow"][]) | null;
      readonly overall_status: components["schemas"]["HealthStatus"];
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly timestamp: string;
      readonly service_statuses: readonly components["schemas"]["ServiceStatus"][];
    };
    readonly GetWhoamiAnswer: {
      readonly tenant: string;
      /** @description The key sends and reads what is of this user alone. */
      readonly user_id: string | null;
      /** @description As keys are listed; not the key. */
      readonly key_name: string;
      /** @description With those that its scopes imply. */
      readonly scopes: readonly ("ingest" | "read" | "admin" | "metrics")[];
    };
    readonly GivenFeedback: {
      readonly feedback_id: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly at: string;
      readonly score: number | null;
      readonly text: string | null;
      readonly user_id: string | null;
    };
    /** @enum {string} */
    readonly HealthStatus: "healthy" | "degraded" | "unhealthy";
    readonly IssueOutcomes: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly successful_executions: number;
      readonly failed_executions: number;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
    };
    readonly IssueP95: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly durations: number;
      readonly above: number;
      /** @description Milliseconds. */
      readonly p95_ms: number | null;
    };
    /** @description Those of its own; without one the configuration decides, 0 is no bound. */
    readonly KeyLimits: {
      readonly events_per_second?: number;
      readonly bytes_per_second?: number;
      readonly requests_per_second?: number;
      readonly events_per_day?: number;
    };
    readonly ListAgentErrorsAnswer: {
      readonly agent_id: string;
      /** @description Null when from and to were given. */
      readonly time_range: ("1d" | "7d" | "30d" | "90d") | null;
      /** @enum {string} */
      readonly metric_type: "realtime" | "aggregated";
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly failed_executions: number;
      readonly total_groups: number;
      readonly limit: number;
      readonly errors: readonly components["schemas"]["ErrorGroupWithDays"][];
      readonly coverage: {
        readonly errors: components["schemas"]["ErrorCoverage"] | null;
        readonly source: readonly string[];
      };
    };
    readonly ListAgentsAnswer: {
      readonly agents: readonly components["schemas"]["Agent"][];
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly ListAuditAnswer: {
      readonly entries: readonly components["schemas"]["AuditEntry"][];
    };
    readonly ListEndpointsAnswer: {
      /** @enum {string} */
      readonly window: "1m" | "5m" | "15m" | "1h" | "24h";
      readonly window_ms: number;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly as_of: string;
      readonly totals: {
        readonly requests: number;
        readonly client_errors: number;
        readonly server_errors: number;
      };
      readonly endpoints: readonly components["schemas"]["Endpoint"][];
    };
    readonly ListErasuresAnswer: {
      readonly erasures: readonly components["schemas"]["ErasureRecord"][];
      readonly limit: number;
    };
    readonly ListFinalizationsAnswer: {
      readonly finalizations: readonly components["schemas"]["Finalization"][];
      readonly limit: number;
    };
    readonly ListKeysAnswer: {
      readonly keys: readonly components["schemas"]["ApiKey"][];
    };
    readonly ListPatternsAnswer: {
      readonly patterns: readonly components["schemas"]["Pattern"][];
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly LiveWindow: {
      readonly total_executions: number;
      readonly successful_executions: number;
      readonly failed_executions: number;
      readonly cancelled_executions: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      /** @description Percent, to two decimals. */
      readonly error_rate: number | null;
      readonly execution_times: components["schemas"]["ExecutionTimes"];
      /** @description Failed executions by error category. */
      readonly errors: {
        [key: string]: number;
      };
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description A mean, to 12 significant digits. */
      readonly avg_confidence: number | null;
      readonly max_memory_mb: number | null;
    };
    readonly LogLine: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly ts: string;
      readonly level: string | null;
      readonly step_id: string | null;
      readonly message: string;
    };
    readonly MemoryOfADay: {
      /** Format: date */
      readonly day: string;
      readonly stored: number;
      readonly recalled: number;
    };
    readonly NewestRow: {
      readonly table: string;
      readonly newest_at: string | null;
      readonly age_ms: number | null;
    };
    readonly Pattern: {
      readonly pattern_id: string;
      readonly pattern_type: string | null;
      readonly name: string | null;
      /** @description First 1,000 characters of the latest message. */
      readonly description: string | null;
      /** @description The latest, 0 to 1. */
      readonly confidence: number | null;
      /** @description The latest, 0 to 1. */
      readonly effectiveness: number | null;
      /** @description Events of type pattern.observed. */
      readonly observations: number;
      /** @description Agents that observed it, at most 20, the latest first. */
      readonly agents: readonly string[];
      readonly agent_count: number;
      /** @description Distinct references. */
      readonly evidence_count: number;
      /** @description False above 10,000: the count is within 2 percent. */
      readonly evidence_count_exact: boolean;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_seen: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_seen: string;
      readonly feedback: components["schemas"]["PatternFeedback"];
    };
    readonly PatternFeedback: {
      readonly count: number;
      /** @description Of them with a score. */
      readonly scored: number;
      /** @description A mean, to 12 significant digits. */
      readonly avg_score: number | null;
      readonly min_score: number | null;
      readonly max_score: number | null;
      readonly last_score: number | null;
      readonly last_at: string | null;
    };
    /** @description Problem details, RFC 9457. `code` is stable; `detail` and `errors` are for people and may change. */
    readonly Problem: {
      /**
       * Format: uri-reference
       * @description urn:tidemark:error:<code>
       */
      readonly type: string;
      readonly title: string;
      readonly status: number;
      /** @enum {string} */
      readonly code: "event_not_map" | "field_required" | "field_type" | "field_range" | "type_unknown" | "value_unknown" | "string_too_long" | "string_invalid" | "map_too_large" | "content_refused" | "time_invalid" | "time_order" | "nesting_too_deep" | "extension_type" | "user_foreign" | "row_ragged" | "frame_malformed" | "frame_shape" | "frame_empty" | "frame_too_large" | "frame_too_many_events" | "seq_missing" | "seq_invalid" | "seq_regressed" | "seq_refused" | "credit_overrun" | "event_rate_exceeded" | "byte_rate_exceeded" | "event_quota_spent" | "client_too_slow" | "producer_invalid" | "producer_replaced" | "key_missing" | "key_invalid" | "key_rotated" | "scope_missing" | "certificate_missing" | "certificate_refused" | "user_bound" | "key_own" | "keys_configured" | "keys_rotating" | "keys_exhausted" | "host_unknown" | "origin_foreign" | "request_malformed" | "path_unknown" | "method_not_allowed" | "not_found" | "parameter_invalid" | "parameter_unknown" | "parameter_repeated" | "media_type_unsupported" | "head_too_large" | "websocket_required" | "protocol_unknown" | "url_too_long" | "idempotency_mismatch" | "body_too_large" | "body_invalid" | "request_timeout" | "query_timeout" | "snapshot_unsupported" | "query_too_large" | "store_unavailable" | "connections_exhausted" | "overloaded" | "key_overloaded" | "request_rate_exceeded" | "address_overloaded" | "subscribers_exhausted" | "spool_full" | "clock_unset" | "spool_failed" | "stopping" | "internal";
      readonly detail?: string;
      /** @description The parameters or events at fault. */
      readonly errors?: readonly {
          readonly path: string;
          /** @description As above; of a parameter also parameter_unknown, parameter_repeated. */
          readonly code: string;
          readonly message: string;
          /** @description Of an event in its frame. */
          readonly index?: number;
        }[];
    };
    readonly RotateKeyAnswer: {
      /** @description The new secret, this once. */
      readonly key: string;
      /** @description What it is called in lists and logs; not the key. */
      readonly name: string;
      readonly scopes: readonly ("ingest" | "read" | "admin" | "metrics")[];
      /** @description The key sends and reads what is of this user alone. */
      readonly user_id: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly created_at: string;
      /** @description When it got the secret it has now; null: it was made with it. */
      readonly rotated_at: string | null;
      /** @description Until when a secret of before is good; null: none is. */
      readonly previous_until: string | null;
      readonly limits: components["schemas"]["KeyLimits"];
      /** @description Acknowledged in this UTC day; null without a daily quota. */
      readonly events_today: number | null;
    };
    readonly RotateKeyBody: {
      /**
       * @description How long the secret of before stays good.
       * @default 86400
       */
      readonly overlap_seconds?: number;
    };
    readonly Run: {
      readonly run_id: string;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "running" | "orphaned" | "completed" | "failed" | "cancelled";
      readonly attempt: number | null;
      readonly agent_id: string | null;
      readonly agent_name: string | null;
      readonly agent_version: string | null;
      readonly parent_id: string | null;
      readonly flow_id: string | null;
      readonly crew_id: string | null;
      readonly engagement_id: string | null;
      readonly user_id: string | null;
      readonly session_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      readonly finish_reason: string | null;
      readonly started_at: string | null;
      readonly ended_at: string | null;
      readonly updated_at: string | null;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly memory_mb: number | null;
      readonly confidence: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      readonly error_message: string | null;
      readonly inputs: {
        [key: string]: string;
      };
      readonly outputs: {
        [key: string]: string;
      };
      readonly labels: {
        [key: string]: string;
      };
      readonly cost_source: string | null;
      /** @description Of the run alone. */
      readonly own: components["schemas"]["Usage"];
      /** @description Reported by the run as the sum of all; in no total. */
      readonly rolled_up: components["schemas"]["Usage"] | null;
      /** @description Own usage of the run, its tasks and its steps. */
      readonly total: components["schemas"]["Usage"];
      readonly events: number;
      /** @description Ends of tasks: one that was retried counts each time. */
      readonly tasks_ended: number;
      readonly tasks_failed: number;
      /** @description Attempts. */
      readonly steps_started: number;
      readonly steps_ended: number;
      readonly steps_failed: number;
      /** @description At most 64. */
      readonly agents: readonly string[];
      readonly first_event_at: string | null;
      readonly last_event_at: string | null;
      readonly last_received_at: string | null;
      /** @description The first 100 by their start. */
      readonly tasks: readonly components["schemas"]["RunTask"][];
      readonly total_tasks: number;
      /** @description Failed attempts of tasks and steps, the first 100. */
      readonly failures: readonly components["schemas"]["FailedAttempt"][];
      readonly failures_truncated: boolean;
      /** @description The run is older than steps and failures are kept. */
      readonly steps_expired: boolean;
      readonly links: {
        readonly tasks: string;
        readonly timeline: string;
        readonly logs: string;
      };
    };
    readonly RunItem: {
      readonly run_id: string;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "running" | "orphaned" | "completed" | "failed" | "cancelled";
      readonly agent_id: string;
      readonly agent_name: string | null;
      readonly parent_id: string | null;
      readonly flow_id: string | null;
      readonly crew_id: string | null;
      readonly engagement_id: string | null;
      readonly user_id: string | null;
      readonly session_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly started_at: string;
      readonly ended_at: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly updated_at: string;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly tasks_ended: number;
      readonly tasks_failed: number;
      readonly steps_started: number;
      readonly steps_ended: number;
      readonly steps_failed: number;
      readonly total: components["schemas"]["Usage"];
      readonly error_category: string | null;
      readonly error_code: string | null;
      readonly error_preview: string | null;
      readonly input_summary: string | null;
    };
    readonly RunLogs: {
      readonly run_id: string;
      /** @enum {string} */
      readonly status: "running" | "orphaned" | "completed" | "failed" | "cancelled";
      readonly nodes: readonly components["schemas"]["RunNode"][];
      /** @description Failed attempts, the first 100. */
      readonly errors: readonly components["schemas"]["FailedAttempt"][];
      readonly errors_truncated: boolean;
      readonly final_output: string | null;
      readonly final_outputs: {
        [key: string]: string;
      } | null;
      readonly summary: {
        readonly total_nodes: number;
        readonly successful_nodes: number;
        readonly failed_nodes: number;
        /** @description Of the run, such as 45.2s; null where it is not known. */
        readonly total_duration: string | null;
        /** @description Milliseconds. */
        readonly total_duration_ms: number | null;
      };
      readonly steps_expired: boolean;
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly RunNode: {
      /** @description The step_id, or the task_id of a task. */
      readonly id: string;
      readonly task_id: string | null;
      /** @description task, the kind of the step, or step where none was reported. */
      readonly type: string;
      readonly name: string | null;
      /** @description The inputs as text; null without inputs. */
      readonly input: string | null;
      /** @description The outputs as text; null without outputs. */
      readonly output: string | null;
      readonly inputs: {
        [key: string]: string;
      };
      readonly outputs: {
        [key: string]: string;
      };
      /** @description How long it took, such as 8s; null while it is not known. */
      readonly time: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly started_at: string;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      /** @enum {string} */
      readonly status: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      readonly attempt: number | null;
      readonly metadata: {
        /** @description The name of a step of kind tool. */
        readonly tool: string | null;
        readonly environment: string | null;
        /** @description As it was told, else the name of a step of kind llm. */
        readonly model: string | null;
        readonly provider: string | null;
        /** @description 16 hex digits: the same for the same arguments. */
        readonly args_hash: string | null;
        readonly finish_reason: string | null;
        /** @description Among the nodes of the run, from 1, in the order of time. */
        readonly position: number;
        readonly labels: {
          [key: string]: string;
        };
      };
    };
    readonly RunPage: {
      readonly runs: readonly components["schemas"]["RunItem"][];
      readonly stats: components["schemas"]["RunStats"];
      /** @description What the filters hold for, counted up to a bound. */
      readonly total: number;
      /** @description False: there are at least so many. */
      readonly total_is_exact: boolean;
      readonly offset: number;
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly RunStats: {
      /** @description The newest runs the filters hold for, at most 1000. */
      readonly runs: number;
      /** @description False: there are more runs, which are not counted in. */
      readonly is_complete: boolean;
      readonly by_status: {
        readonly running: number;
        readonly orphaned: number;
        readonly completed: number;
        readonly failed: number;
        readonly cancelled: number;
      };
      /** @description Of the runs that completed or failed, in percent. */
      readonly success_rate: number | null;
      /** @description Of the runs that ended and report a duration. */
      readonly p95_duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
    };
    readonly RunTask: {
      readonly task_id: string;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      readonly attempt: number | null;
      readonly agent_id: string;
      readonly agent_name: string | null;
      readonly run_id: string | null;
      readonly flow_id: string | null;
      readonly crew_id: string | null;
      readonly engagement_id: string | null;
      readonly user_id: string | null;
      readonly session_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      readonly finish_reason: string | null;
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly updated_at: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly received_at: string;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
      readonly cost_source: string | null;
      readonly memory_mb: number | null;
      readonly confidence: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      /** @description The inputs as text, the first 200 characters. */
      readonly input_summary: string | null;
      readonly error_preview: string | null;
    };
    readonly SeriesPoint: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly at: string;
      readonly executions?: number | null;
      readonly successful?: number | null;
      readonly failed?: number | null;
      readonly cancelled?: number | null;
      readonly success_rate?: number | null;
      readonly error_rate?: number | null;
      readonly avg_ms?: number | null;
      readonly min_ms?: number | null;
      readonly max_ms?: number | null;
      readonly p50_ms?: number | null;
      readonly p95_ms?: number | null;
      readonly p99_ms?: number | null;
      readonly llm_calls?: number | null;
      readonly tokens_in?: number | null;
      readonly tokens_out?: number | null;
      readonly tokens?: number | null;
      readonly cost_cents?: number | null;
      readonly tokens_unpriced?: number | null;
      readonly confidence?: number | null;
      readonly memory_mb?: number | null;
    };
    readonly ServiceStatus: {
      readonly name: string;
      readonly status: components["schemas"]["HealthStatus"];
      readonly details: string | null;
    };
    readonly SignificanceTest: {
      /** @enum {string} */
      readonly test: "z" | "fisher";
      readonly z_score: number | null;
      readonly p_value: number;
      readonly significant: boolean;
    };
    readonly StepAttempt: {
      readonly step_id: string;
      readonly parent_id: string | null;
      readonly kind: string | null;
      readonly attempt: number | null;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      readonly agent_id: string;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      /** @description 16 hex digits: the same for the same arguments. */
      readonly args_hash: string | null;
      readonly finish_reason: string | null;
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
      readonly cost_source: string | null;
      /** @enum {string} */
      readonly usage_scope: "own" | "rolled_up";
      readonly confidence: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      readonly error_message: string | null;
      readonly inputs: {
        [key: string]: string;
      };
      readonly outputs: {
        [key: string]: string;
      };
    };
    readonly StoredTable: {
      readonly table: string;
      readonly rows: number;
      /** @description Of the tenant of the key; null in tables without one. */
      readonly tenant_rows: number | null;
      readonly parts: number;
      readonly disk_bytes: number;
      readonly compressed_bytes: number;
      readonly uncompressed_bytes: number;
      /** @description Of the time that decides the partition; to the second. */
      readonly oldest_at: string | null;
      readonly newest_at: string | null;
      /** @description Null: kept for good. */
      readonly retention_days: number | null;
    };
    readonly TakeSnapshotAnswer: {
      /** @description Its folder below `snapshot` in the data directory. */
      readonly snapshot_id: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly taken_at: string;
    };
    readonly Task: {
      readonly task_id: string;
      readonly name: string | null;
      /**
       * @description FAILED also for what was cancelled; PENDING or RUNNING also for what is orphaned: state tells them apart.
       * @enum {string}
       */
      readonly status: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED";
      readonly attempt: number | null;
      readonly agent_id: string;
      readonly agent_name: string | null;
      readonly run_id: string | null;
      readonly flow_id: string | null;
      readonly crew_id: string | null;
      readonly engagement_id: string | null;
      readonly user_id: string | null;
      readonly session_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      readonly finish_reason: string | null;
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly updated_at: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly received_at: string;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
      readonly cost_source: string | null;
      readonly memory_mb: number | null;
      readonly confidence: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      /** @description The first 8 inputs, the first 100 characters of each; null without inputs. */
      readonly input_summary: {
        [key: string]: string;
      } | null;
      /** @enum {string} */
      readonly state: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      /**
       * Format: date-time
       * @description When it started; before that, its place in the list.
       */
      readonly start_time: string;
      readonly end_time: string | null;
      /** @description Ends that came after another end of the same attempt: they are told in the state and counted nowhere. */
      readonly conflicting_ends: number;
      /** @description Tasks with the same id in other runs or of other agents, the latest first, at most 99; run_id and agent_id choose one. */
      readonly others: readonly components["schemas"]["TaskNamesake"][];
      readonly agent_version: string | null;
      readonly parent_id: string | null;
      readonly error_message: string | null;
      readonly inputs: {
        [key: string]: string;
      };
      readonly outputs: {
        [key: string]: string;
      };
      /** @description The outputs; null when there are none. */
      readonly output: {
        [key: string]: string;
      } | null;
      readonly labels: {
        [key: string]: string;
      };
      readonly attempts: readonly components["schemas"]["TaskAttempt"][];
      readonly attempts_truncated: boolean;
      readonly steps: readonly components["schemas"]["StepAttempt"][];
      readonly steps_truncated: boolean;
      /** @description The task is older than attempts, steps and logs are kept. */
      readonly steps_expired: boolean;
      readonly failures: readonly components["schemas"]["FailedAttempt"][];
      readonly failures_truncated: boolean;
      /** @description The newest, in the order of their time. */
      readonly logs: readonly components["schemas"]["LogLine"][];
      readonly logs_truncated: boolean;
      readonly logs_summary: {
        readonly total: number;
        /** @description Lines without a level count as `none`. */
        readonly by_level: {
          [key: string]: number;
        };
        readonly first_at: string | null;
        readonly last_at: string | null;
        /** @description The newest line of level error or fatal. */
        readonly newest_error: components["schemas"]["LogLine"] | null;
      };
    };
    readonly TaskAttempt: {
      readonly attempt: number | null;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      readonly agent_id: string;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      /** @description 16 hex digits: the same for the same arguments. */
      readonly args_hash: string | null;
      readonly finish_reason: string | null;
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
      readonly cost_source: string | null;
      /** @enum {string} */
      readonly usage_scope: "own" | "rolled_up";
      readonly confidence: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      readonly error_message: string | null;
      readonly inputs: {
        [key: string]: string;
      };
      readonly outputs: {
        [key: string]: string;
      };
    };
    readonly TaskItem: {
      readonly task_id: string;
      readonly name: string | null;
      /**
       * @description FAILED also for what was cancelled; PENDING or RUNNING also for what is orphaned: state tells them apart.
       * @enum {string}
       */
      readonly status: "PENDING" | "RUNNING" | "COMPLETED" | "FAILED";
      readonly attempt: number | null;
      readonly agent_id: string;
      readonly agent_name: string | null;
      readonly run_id: string | null;
      readonly flow_id: string | null;
      readonly crew_id: string | null;
      readonly engagement_id: string | null;
      readonly user_id: string | null;
      readonly session_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      readonly finish_reason: string | null;
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly updated_at: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly received_at: string;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
      readonly cost_source: string | null;
      readonly memory_mb: number | null;
      readonly confidence: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      /** @description The first 8 inputs, the first 100 characters of each; null without inputs. */
      readonly input_summary: {
        [key: string]: string;
      } | null;
      /** @enum {string} */
      readonly state: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      /**
       * Format: date-time
       * @description When it started; before that, its place in the list.
       */
      readonly start_time: string;
      readonly end_time: string | null;
      readonly error_preview: string | null;
    };
    readonly TaskNamesake: {
      readonly run_id: string | null;
      readonly agent_id: string;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "pending" | "running" | "completed" | "failed" | "cancelled";
      readonly started_at: string | null;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly updated_at: string;
    };
    readonly TaskPage: {
      readonly tasks: readonly components["schemas"]["TaskItem"][];
      /** @description What the filters hold for, counted up to a bound. */
      readonly total: number;
      /** @description False: there are at least so many. */
      readonly total_is_exact: boolean;
      readonly offset: number;
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly Timeline: {
      readonly run_id: string;
      readonly name: string | null;
      /** @enum {string} */
      readonly status: "running" | "orphaned" | "completed" | "failed" | "cancelled";
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      /**
       * Format: date-time
       * @description Offsets count from here: the start, else the first thing known.
       */
      readonly origin: string;
      /** @description Of the whole run. */
      readonly total: components["schemas"]["Usage"];
      readonly total_nodes: number;
      /** @description Of tasks and steps of the run. */
      readonly total_attempts: number;
      /** @description There are more attempts than a timeline holds: the first are in it. */
      readonly truncated: boolean;
      /** @description The run is older than steps are kept. */
      readonly steps_expired: boolean;
      readonly critical_path: {
        readonly duration_ms: number;
        readonly nodes: number;
      };
      readonly nodes: readonly components["schemas"]["TimelineNode"][];
      readonly limit: number;
      /** @description Null on the last page. */
      readonly next_cursor: string | null;
    };
    readonly TimelineNode: {
      /** @description Unique in the timeline. */
      readonly node: string;
      /** @description The node it hangs under; null for the run. */
      readonly parent: string | null;
      readonly depth: number;
      /** @enum {string} */
      readonly type: "run" | "task" | "step";
      readonly task_id: string | null;
      readonly step_id: string | null;
      /** @description As reported. */
      readonly parent_id: string | null;
      readonly attempt: number | null;
      /** @description Known attempts of the same task or step; they are siblings. */
      readonly attempts: number;
      readonly name: string | null;
      readonly kind: string | null;
      readonly agent_id: string | null;
      readonly environment: string | null;
      readonly model: string | null;
      readonly provider: string | null;
      /** @description 16 hex digits: the same for the same arguments. */
      readonly args_hash: string | null;
      readonly finish_reason: string | null;
      /** @enum {string} */
      readonly status: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned";
      readonly started_at: string | null;
      readonly ended_at: string | null;
      /** @description From the origin; negative when its clock is behind. */
      readonly offset_ms: number;
      /** @description Milliseconds. */
      readonly duration_ms: number | null;
      /** @description Of this attempt alone. */
      readonly own: components["schemas"]["Usage"];
      /** @description With everything below it. */
      readonly total: components["schemas"]["Usage"];
      /** @description Reported as the sum of what is below it; in no total. */
      readonly rolled_up: components["schemas"]["Usage"] | null;
      /** @description On the critical path. */
      readonly critical: boolean;
      /** @description Milliseconds of the critical path that are its own. */
      readonly critical_ms: number | null;
      readonly error_category: string | null;
      readonly error_code: string | null;
      /** @description The first 200 characters. */
      readonly error_preview: string | null;
    };
    readonly Tokens: {
      readonly in: number;
      readonly out: number;
      readonly total: number;
    };
    readonly TopAgent: {
      readonly agent_id: string;
      readonly agent_name: string | null;
      readonly total_executions: number;
      readonly successful_executions: number;
      readonly failed_executions: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      /** @description Percent, to two decimals. */
      readonly success_rate_lower_bound: number | null;
    };
    readonly TopError: {
      readonly error: string;
      readonly category: string | null;
      readonly code: string | null;
      readonly message: string | null;
      readonly count: number;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly first_seen: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly last_seen: string;
      readonly affected_runs: number;
      readonly recovered: number;
      readonly failed_for_good: number;
    };
    /** @description What significant_trend was made from. */
    readonly TrendBasis: {
      /** @description Percentage points. */
      readonly success_rate_change: number | null;
      readonly success_rate_test: components["schemas"]["SignificanceTest"] | null;
      readonly p95_change_percent: number | null;
      /** @description Milliseconds. */
      readonly p95_pooled_ms: number | null;
      readonly p95_test: components["schemas"]["SignificanceTest"] | null;
      readonly thresholds: {
        readonly executions: number;
        readonly success_rate_points: number;
        readonly p95_percent: number;
        readonly p_value: number;
      };
      readonly first_half: components["schemas"]["TrendHalf"];
      readonly second_half: components["schemas"]["TrendHalf"];
    };
    readonly TrendHalf: {
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly from: string;
      /**
       * Format: date-time
       * @description RFC 3339 with milliseconds, in UTC.
       */
      readonly to: string;
      readonly total_executions: number;
      readonly successful_executions: number;
      readonly failed_executions: number;
      /** @description Percent, to two decimals. */
      readonly success_rate: number | null;
      /** @description Milliseconds. */
      readonly p95_ms: number | null;
      readonly above_pooled_p95: {
        readonly count: number;
        readonly of: number;
      } | null;
    };
    readonly TroubledAgent: {
      readonly agent_id: string;
      readonly agent_name: string | null;
      /** @description Of the last 24 hours; null where it is no reason to be listed. */
      readonly error_rate: number | null;
      readonly issues: readonly components["schemas"]["AgentIssue"][];
    };
    readonly Usage: {
      readonly llm_calls: number;
      readonly tokens: components["schemas"]["Tokens"];
      /** @description US cents; null where nobody reported a cost. */
      readonly cost_cents: number | null;
      /** @description Tokens, in and out, of work that reported no cost: the cost is not that of these. */
      readonly tokens_unpriced: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_read: number;
      /** @description Part of tokens.in, never added to it. */
      readonly tokens_cache_write: number;
      /** @description Part of tokens.out, never added to it. */
      readonly tokens_reasoning: number;
    };
  };
  responses: {
    /**
     * @description `overloaded`: more requests are under way than the collector may hold.
     * `key_overloaded`: the API key holds as many requests or connections as one key may.
     * `address_overloaded`: the address holds as many requests or connections as one may.
     */
    readonly AddressOverloadedOrKeyOverloadedOrOverloaded: {
      headers: {
        /** @description Seconds after which the same request may succeed. */
        readonly "retry-after"?: number;
      };
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "overloaded" | "key_overloaded" | "address_overloaded";
        });
      };
    };
    /**
     * @description `overloaded`: more requests are under way than the collector may hold.
     * `address_overloaded`: the address holds as many requests or connections as one may.
     */
    readonly AddressOverloadedOrOverloaded: {
      headers: {
        /** @description Seconds after which the same request may succeed. */
        readonly "retry-after"?: number;
      };
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "overloaded" | "address_overloaded";
        });
      };
    };
    /**
     * @description `request_malformed`: the head of the request is ambiguous or not HTTP/1.1.
     * `parameter_invalid`: a query or path parameter is missing or has a wrong value.
     * `body_invalid`: the body cannot be inflated or read, or a field of it is missing or wrong.
     */
    readonly BodyInvalidOrParameterInvalidOrRequestMalformed: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "request_malformed" | "parameter_invalid" | "body_invalid";
        });
      };
    };
    /** @description `body_too_large`: the body is larger than allowed, as sent or when inflated. */
    readonly BodyTooLarge: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "body_too_large";
        };
      };
    };
    /**
     * @description `spool_full`: the spool has reached its quota or the disk is almost full.
     * `clock_unset`: the wall clock of the collector is not set; nothing is acknowledged until it is.
     * `spool_failed`: the disk refused a write or a sync; nothing was acknowledged.
     * `stopping`: the collector is shutting down.
     */
    readonly ClockUnsetOrSpoolFailedOrSpoolFullOrStopping: {
      headers: {
        /** @description Seconds after which the same request may succeed. */
        readonly "retry-after"?: number;
      };
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "spool_full" | "clock_unset" | "spool_failed" | "stopping";
        });
      };
    };
    /** @description The head of the request has more or longer header fields than the server takes. Not problem details. */
    readonly HeadTooLarge: {
      content: never;
    };
    /** @description `host_unknown`: the Host header is no name of the collector; see TIDEMARK_HTTP_HOSTS. */
    readonly HostUnknown: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "host_unknown";
        };
      };
    };
    /** @description `idempotency_mismatch`: the Idempotency-Key was sent before with another body. */
    readonly IdempotencyMismatch: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "idempotency_mismatch";
        };
      };
    };
    /** @description `internal`: an unexpected failure of the collector. */
    readonly Internal: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "internal";
        };
      };
    };
    /**
     * @description `key_missing`: no API key was sent.
     * `key_invalid`: the API key is not known.
     */
    readonly KeyInvalidOrKeyMissing: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "key_missing" | "key_invalid";
        });
      };
    };
    /**
     * @description `key_own`: an API key cannot take itself back; ask with another one.
     * `keys_configured`: the configuration sets the API keys; they are changed there.
     */
    readonly KeyOwnOrKeysConfigured: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "key_own" | "keys_configured";
        });
      };
    };
    /** @description `keys_configured`: the configuration sets the API keys; they are changed there. */
    readonly KeysConfigured: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "keys_configured";
        };
      };
    };
    /**
     * @description `keys_configured`: the configuration sets the API keys; they are changed there.
     * `keys_exhausted`: the tenant has as many API keys as it may; take some back.
     */
    readonly KeysConfiguredOrKeysExhausted: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "keys_configured" | "keys_exhausted";
        });
      };
    };
    /**
     * @description `keys_configured`: the configuration sets the API keys; they are changed there.
     * `keys_rotating`: as many secrets of the API key are good as may be; wait until one has ended.
     */
    readonly KeysConfiguredOrKeysRotating: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "keys_configured" | "keys_rotating";
        });
      };
    };
    /** @description `media_type_unsupported`: the content type or content encoding is not accepted. */
    readonly MediaTypeUnsupported: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "media_type_unsupported";
        };
      };
    };
    /** @description `not_found`: no such agent, task, run or pattern of this tenant. */
    readonly NotFound: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "not_found";
        };
      };
    };
    /** @description `origin_foreign`: a web page of another origin asks; see TIDEMARK_HTTP_CORS_ORIGINS. */
    readonly OriginForeign: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "origin_foreign";
        };
      };
    };
    /**
     * @description `scope_missing`: the API key does not carry the scope this needs.
     * `origin_foreign`: a web page of another origin asks; see TIDEMARK_HTTP_CORS_ORIGINS.
     */
    readonly OriginForeignOrScopeMissing: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "scope_missing" | "origin_foreign";
        });
      };
    };
    /**
     * @description `request_malformed`: the head of the request is ambiguous or not HTTP/1.1.
     * `parameter_invalid`: a query or path parameter is missing or has a wrong value.
     */
    readonly ParameterInvalidOrRequestMalformed: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "request_malformed" | "parameter_invalid";
        });
      };
    };
    /** @description `query_timeout`: the query took longer than allowed and was cancelled. */
    readonly QueryTimeout: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "query_timeout";
        };
      };
    };
    /** @description `query_too_large`: the query needs more memory or rows than one may have; ask for less. */
    readonly QueryTooLarge: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "query_too_large";
        };
      };
    };
    /** @description `request_malformed`: the head of the request is ambiguous or not HTTP/1.1. */
    readonly RequestMalformed: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "request_malformed";
        };
      };
    };
    /** @description `request_timeout`: the body did not arrive in time. */
    readonly RequestTimeout: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "request_timeout";
        };
      };
    };
    /** @description `snapshot_unsupported`: the store is a ClickHouse server, which has a backup of its own. */
    readonly SnapshotUnsupported: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "snapshot_unsupported";
        };
      };
    };
    /** @description `stopping`: the collector is shutting down. */
    readonly Stopping: {
      headers: {
        /** @description Seconds after which the same request may succeed. */
        readonly "retry-after"?: number;
      };
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "stopping";
        };
      };
    };
    /**
     * @description `store_unavailable`: the store cannot be reached, or is short of memory; events are still accepted.
     * `stopping`: the collector is shutting down.
     */
    readonly StoppingOrStoreUnavailable: {
      headers: {
        /** @description Seconds after which the same request may succeed. */
        readonly "retry-after"?: number;
      };
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & ({
          /** @enum {string} */
          readonly code?: "store_unavailable" | "stopping";
        });
      };
    };
    /** @description `url_too_long`: the path and query of the request are longer than 16 KiB. */
    readonly UrlTooLong: {
      content: {
        readonly "application/problem+json": components["schemas"]["Problem"] & {
          /** @enum {string} */
          readonly code?: "url_too_long";
        };
      };
    };
  };
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}

export type $defs = Record<string, never>;

export type external = Record<string, never>;

export interface operations {

  /** Executions, success rate, durations, errors, trend and usage of an agent over a range */
  getStudioAgentMetrics: {
    parameters: {
      query?: {
        /** @description The last 1, 7, 30 or 90 days; 7d unless from is given. Not together with from and to. */
        time_range?: "1d" | "7d" | "30d" | "90d";
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description realtime reads whole minutes, aggregated whole UTC days. */
        metric_type?: "realtime" | "aggregated";
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description Executions, success rate, durations, errors, trend and usage of an agent over a range. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetAgentMetricsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** A tenant at a glance: agents, executions, who does well, who has issues, and why */
  getStudioDashboard: {
    responses: {
      /** @description A tenant at a glance: agents, executions, who does well, who has issues, and why. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetDashboardAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Agents that events were received of, by id, with their last 24 hours */
  listAgents: {
    parameters: {
      query?: {
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description Agents that events were received of, by id, with their last 24 hours. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListAgentsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Runs with their inputs and outputs, newest start first */
  listAgentHistory: {
    parameters: {
      query?: {
        /** @description Id of an agent. */
        agent_id?: string;
        /** @description State. */
        status?: "running" | "orphaned" | "completed" | "failed" | "cancelled" | "success" | "RUNNING" | "ORPHANED" | "COMPLETED" | "FAILED" | "CANCELLED" | "SUCCESS";
        /** @description Id of a user. */
        user_id?: string;
        /** @description Where the work ran, such as production. */
        environment?: string;
        /** @description Name of a model. */
        model?: string;
        provider?: string;
        /** @description Rows to skip. */
        skip?: number;
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description Runs with their inputs and outputs, newest start first. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["AgentHistory"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** The tasks and step attempts of a run in the order of time, with errors and the final output */
  getRunLogs: {
    parameters: {
      query: {
        /** @description Id of a run. */
        run_id: string;
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description The tasks and step attempts of a run in the order of time, with errors and the final output. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["RunLogs"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Executions and usage of an agent by version, model, provider or environment */
  getAgentBreakdown: {
    parameters: {
      query?: {
        /** @description What the failures of a group have in common. */
        group_by?: "version" | "model" | "provider" | "environment";
        /** @description The last 1, 7, 30 or 90 days; 7d unless from is given. Not together with from and to. */
        time_range?: "1d" | "7d" | "30d" | "90d";
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description Rows of a page, at most. */
        limit?: number;
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description Executions and usage of an agent by version, model, provider or environment. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["AgentBreakdown"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Failed executions of an agent in groups, the most frequent first */
  listAgentErrors: {
    parameters: {
      query?: {
        /** @description The last 1, 7, 30 or 90 days; 7d unless from is given. Not together with from and to. */
        time_range?: "1d" | "7d" | "30d" | "90d";
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description realtime reads whole minutes, aggregated whole UTC days. */
        metric_type?: "realtime" | "aggregated";
        /** @description Rows of a page, at most. */
        limit?: number;
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description Failed executions of an agent in groups, the most frequent first. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListAgentErrorsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Rolling windows of an agent, of this collector or of the fleet: 1 m, 5 m, 15 m, 1 h and 24 h */
  getAgentLive: {
    parameters: {
      query?: {
        /** @description collector: what this collector received, from memory, as soon as it is acknowledged; fleet: what every collector received, from the store's minutes, as soon as it is inserted. */
        scope?: "collector" | "fleet";
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description Rolling windows of an agent, of this collector or of the fleet: 1 m, 5 m, 15 m, 1 h and 24 h. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetAgentLiveAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Executions, success rate, durations, errors, trend and usage of an agent over a range */
  getAgentMetrics: {
    parameters: {
      query?: {
        /** @description The last 1, 7, 30 or 90 days; 7d unless from is given. Not together with from and to. */
        time_range?: "1d" | "7d" | "30d" | "90d";
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description realtime reads whole minutes, aggregated whole UTC days. */
        metric_type?: "realtime" | "aggregated";
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description Executions, success rate, durations, errors, trend and usage of an agent over a range. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetAgentMetricsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Metrics of an agent by time, a point for every bucket of the range */
  getAgentSeries: {
    parameters: {
      query?: {
        /** @description Metrics of a point, separated by commas. */
        metric?: readonly ("executions" | "successful" | "failed" | "cancelled" | "success_rate" | "error_rate" | "avg_ms" | "min_ms" | "max_ms" | "p50_ms" | "p95_ms" | "p99_ms" | "llm_calls" | "tokens_in" | "tokens_out" | "tokens" | "cost_cents" | "tokens_unpriced" | "confidence" | "memory_mb")[];
        /** @description Length of a bucket. */
        step?: "1m" | "5m" | "1h" | "1d";
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description Metrics of an agent by time, a point for every bucket of the range. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetAgentSeriesAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** What was done with admin keys of the tenant, newest first; go on with `until` of the last entry */
  listAudit: {
    parameters: {
      query?: {
        /** @description Rows of a page, at most. */
        limit?: number;
        until?: string;
      };
    };
    responses: {
      /** @description What was done with admin keys of the tenant, newest first; go on with `until` of the last entry. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListAuditAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Executions and usage of an engagement by UTC day, from the events that name it */
  getEngagementPerformance: {
    parameters: {
      query?: {
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
      };
      path: {
        /** @description Id of an engagement. */
        engagement_id: string;
      };
    };
    responses: {
      /** @description Executions and usage of an engagement by UTC day, from the events that name it. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetEngagementPerformanceAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Erases a list of runs as one request; 202 while events received before it wait for their insert */
  eraseRuns: {
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *   "runs": [
         *     "run-that-nobody-told"
         *   ]
         * }
         */
        readonly "application/json": components["schemas"]["EraseRunsBody"];
      };
    };
    responses: {
      /** @description Erases a list of runs as one request; 202 while events received before it wait for their insert. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["Erasure"];
        };
      };
      /** @description Erases a list of runs as one request; 202 while events received before it wait for their insert. */
      202: {
        content: {
          readonly "application/json": components["schemas"]["Erasure"];
        };
      };
      400: components["responses"]["BodyInvalidOrParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      408: components["responses"]["RequestTimeout"];
      413: components["responses"]["BodyTooLarge"];
      414: components["responses"]["UrlTooLong"];
      415: components["responses"]["MediaTypeUnsupported"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** JSON Schema of an event */
  getEventSchema: {
    responses: {
      /** @description JSON Schema of an event. */
      200: {
        content: {
          readonly "application/schema+json": components["schemas"]["GetEventSchemaAnswer"];
        };
      };
      400: components["responses"]["RequestMalformed"];
      403: components["responses"]["OriginForeign"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      429: components["responses"]["AddressOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["Stopping"];
    };
  };
  /** Failed attempts of runs, tasks and steps, newest first, and what became of each */
  listFailures: {
    parameters: {
      query?: {
        /** @description What failed: a task, or an attempt of a step. */
        kind?: "run" | "task" | "step";
        /** @description Category of the failure. */
        category?: "tool" | "model" | "retrieval" | "orchestration" | "infra" | "guardrail" | "user";
        /** @description Error code of the failure. */
        code?: string;
        /** @description Id of an agent. */
        agent_id?: string;
        /** @description Where the work ran, such as production. */
        environment?: string;
        /** @description Name of a model. */
        model?: string;
        provider?: string;
        /** @description Id of a run. */
        run_id?: string;
        /** @description Id of a task. */
        task_id?: string;
        /** @description Name of the task, tool or step. */
        name?: string;
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description Failed attempts of runs, tasks and steps, newest first, and what became of each. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["FailurePage"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Failed attempts in groups: counts, what was retried and recovered, what was wasted, and over time */
  getFailureBreakdown: {
    parameters: {
      query?: {
        /** @description What the failures of a group have in common. */
        group_by?: "category" | "code" | "agent" | "model" | "provider" | "tool" | "environment";
        /** @description What failed: a task, or an attempt of a step. */
        kind?: "run" | "task" | "step";
        /** @description Category of the failure. */
        category?: "tool" | "model" | "retrieval" | "orchestration" | "infra" | "guardrail" | "user";
        /** @description Error code of the failure. */
        code?: string;
        /** @description Id of an agent. */
        agent_id?: string;
        /** @description Where the work ran, such as production. */
        environment?: string;
        /** @description Name of a model. */
        model?: string;
        provider?: string;
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description Rows of a page, at most. */
        limit?: number;
      };
    };
    responses: {
      /** @description Failed attempts in groups: counts, what was retried and recovered, what was wasted, and over time. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["FailureBreakdown"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** How the runs of each flow fared that started within a range, the latest run first */
  listFlows: {
    parameters: {
      query?: {
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description How the runs of each flow fared that started within a range, the latest run first. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["FlowPage"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** The API keys of the tenant, the oldest first, without the keys themselves */
  listKeys: {
    responses: {
      /** @description The API keys of the tenant, the oldest first, without the keys themselves. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListKeysAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      409: components["responses"]["KeysConfigured"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Makes an API key of the tenant; the key itself is told in this answer and never again */
  createKey: {
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *   "scopes": [
         *     "ingest",
         *     "read"
         *   ]
         * }
         */
        readonly "application/json": components["schemas"]["CreateKeyBody"];
      };
    };
    responses: {
      /** @description Makes an API key of the tenant; the key itself is told in this answer and never again. */
      201: {
        content: {
          readonly "application/json": components["schemas"]["CreateKeyAnswer"];
        };
      };
      400: components["responses"]["BodyInvalidOrParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      408: components["responses"]["RequestTimeout"];
      409: components["responses"]["KeysConfiguredOrKeysExhausted"];
      413: components["responses"]["BodyTooLarge"];
      414: components["responses"]["UrlTooLong"];
      415: components["responses"]["MediaTypeUnsupported"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Takes an API key of the tenant back: from now on it opens nothing */
  revokeKey: {
    parameters: {
      path: {
        /** @description Name of the task, tool or step. */
        name: string;
      };
    };
    responses: {
      /** @description Takes an API key of the tenant back: from now on it opens nothing. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ApiKey"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      409: components["responses"]["KeyOwnOrKeysConfigured"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Gives an API key of the tenant these limits of its own, in place of those it has had; in force at once */
  limitKey: {
    parameters: {
      path: {
        /** @description Name of the task, tool or step. */
        name: string;
      };
    };
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *   "events_per_second": 1000
         * }
         */
        readonly "application/json": components["schemas"]["KeyLimits"];
      };
    };
    responses: {
      /** @description Gives an API key of the tenant these limits of its own, in place of those it has had; in force at once. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ApiKey"];
        };
      };
      400: components["responses"]["BodyInvalidOrParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      408: components["responses"]["RequestTimeout"];
      409: components["responses"]["KeysConfigured"];
      413: components["responses"]["BodyTooLarge"];
      414: components["responses"]["UrlTooLong"];
      415: components["responses"]["MediaTypeUnsupported"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Gives an API key of the tenant a new secret, told in this answer alone; the old one is good for a while */
  rotateKey: {
    parameters: {
      path: {
        /** @description Name of the task, tool or step. */
        name: string;
      };
    };
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *   "overlap_seconds": 3600
         * }
         */
        readonly "application/json": components["schemas"]["RotateKeyBody"];
      };
    };
    responses: {
      /** @description Gives an API key of the tenant a new secret, told in this answer alone; the old one is good for a while. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["RotateKeyAnswer"];
        };
      };
      400: components["responses"]["BodyInvalidOrParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      408: components["responses"]["RequestTimeout"];
      409: components["responses"]["KeysConfiguredOrKeysRotating"];
      413: components["responses"]["BodyTooLarge"];
      414: components["responses"]["UrlTooLong"];
      415: components["responses"]["MediaTypeUnsupported"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** The latest finalizations of days that looked at this tenant */
  listFinalizations: {
    parameters: {
      query?: {
        /** @description Rows of a page, at most. */
        limit?: number;
      };
    };
    responses: {
      /** @description The latest finalizations of days that looked at this tenant. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListFinalizationsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Recomputes a finished day of the tenant, or of one agent, from its distinct raw events */
  finalizeDay: {
    parameters: {
      query?: {
        /** @description Id of an agent. */
        agent_id?: string;
      };
      path: {
        /** @description A UTC day that is over. */
        day: string;
      };
    };
    responses: {
      /** @description Recomputes a finished day of the tenant, or of one agent, from its distinct raw events. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["FinalizeDayAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Takes an image of the data directory beside it, for tidemark backup, in place of the last one */
  takeSnapshot: {
    responses: {
      /** @description Takes an image of the data directory beside it, for tidemark backup, in place of the last one. */
      201: {
        content: {
          readonly "application/json": components["schemas"]["TakeSnapshotAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      409: components["responses"]["SnapshotUnsupported"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Deletes an image of the data directory; one that is not there is no error */
  dropSnapshot: {
    parameters: {
      path: {
        snapshot_id: string;
      };
    };
    responses: {
      /** @description Deletes an image of the data directory; one that is not there is no error. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["DropSnapshotAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** A tenant at a glance: agents, executions, who does well, who has issues, and why */
  getDashboard: {
    responses: {
      /** @description A tenant at a glance: agents, executions, who does well, who has issues, and why. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetDashboardAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Daily rows of the tenant as a file of any size: a row an agent and day */
  exportMetrics: {
    parameters: {
      query?: {
        /** @description Format of the file. */
        format?: "csv" | "json" | "ndjson" | "parquet";
        /** @description First UTC day; 30 days up to the last one unless given. */
        from?: string;
        /** @description Last UTC day; today unless given. */
        to?: string;
        /** @description Id of an agent. */
        agent_id?: string;
        /** @description In CSV, a text that a spreadsheet would run as a formula (it begins with = + - @, a tab or the end of a line) gets a single quote in front; raw leaves it as it is. Numbers and other formats are never changed. */
        csv_formulas?: "escaped" | "raw";
      };
    };
    responses: {
      /** @description Daily rows of the tenant as a file of any size: a row an agent and day. */
      200: {
        content: {
          readonly "text/csv": string;
          readonly "application/json": components["schemas"]["ExportMetricsAnswer"];
          readonly "application/x-ndjson": string;
          readonly "application/vnd.apache.parquet": unknown;
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** What an agent stored in memory and recalled from it, in all and by day */
  getAgentMemory: {
    parameters: {
      query?: {
        /** @description Begin of the range: a UTC date or an RFC 3339 time. */
        from?: string;
        /** @description End of the range: a UTC date, its whole day, or an RFC 3339 time; now unless given. */
        to?: string;
      };
      path: {
        /** @description Id of an agent. */
        agent_id: string;
      };
    };
    responses: {
      /** @description What an agent stored in memory and recalled from it, in all and by day. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetAgentMemoryAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Requests of this collector by endpoint over a rolling window, with errors and durations */
  listEndpoints: {
    parameters: {
      query?: {
        /** @description Rolling window that ends now. */
        window?: "1m" | "5m" | "15m" | "1h" | "24h";
      };
    };
    responses: {
      /** @description Requests of this collector by endpoint over a rolling window, with errors and durations. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListEndpointsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** What was erased, newest first; of one run or person with its id */
  listErasures: {
    parameters: {
      query?: {
        id?: string;
        /** @description Rows of a page, at most. */
        limit?: number;
      };
    };
    responses: {
      /** @description What was erased, newest first; of one run or person with its id. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListErasuresAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Rows, bytes and age of each table, what of it is the own tenant's, the spool and the free disk */
  getStorage: {
    responses: {
      /** @description Rows, bytes and age of each table, what of it is the own tenant's, the spool and the free disk. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetStorageAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Every dependency with its status and why, and the ledger of events */
  getSystemHealth: {
    responses: {
      /** @description Every dependency with its status and why, and the ledger of events. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetSystemHealthAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Tasks in their latest state, newest start first */
  listTasks: {
    parameters: {
      query?: {
        /** @description Id of a crew. */
        crew_id?: string;
        /** @description Id of an agent. */
        agent_id?: string;
        /** @description Id of a flow. */
        flow_id?: string;
        /** @description Id of an engagement. */
        engagement_id?: string;
        /** @description Id of a user. */
        user_id?: string;
        /** @description Id of a session. */
        session_id?: string;
        /** @description Where the work ran, such as production. */
        environment?: string;
        /** @description Name of a model. */
        model?: string;
        provider?: string;
        /** @description Category of the failure. */
        error_category?: "tool" | "model" | "retrieval" | "orchestration" | "infra" | "guardrail" | "user";
        /** @description A part of the error message. */
        error_text?: string;
        /** @description Tasks that started at this time or later: a UTC date or an RFC 3339 time. */
        start_date_from?: string;
        /** @description Tasks that started at this time or earlier: a UTC date, its whole day, or an RFC 3339 time. */
        start_date_to?: string;
        /** @description Id of a run. */
        run_id?: string;
        /** @description State. */
        status?: "pending" | "running" | "completed" | "failed" | "cancelled" | "orphaned" | "success" | "PENDING" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED" | "ORPHANED" | "SUCCESS";
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description Rows to skip; further on, the cursor is the way. */
        offset?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description Tasks in their latest state, newest start first. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["TaskPage"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** One task in full, with its attempts, steps, failures and newest logs */
  getTask: {
    parameters: {
      query?: {
        /** @description Id of a run. */
        run_id?: string;
        /** @description Id of an agent. */
        agent_id?: string;
      };
      path: {
        /** @description Id of a task. */
        task_id: string;
      };
    };
    responses: {
      /** @description One task in full, with its attempts, steps, failures and newest logs. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["Task"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** The patterns agents have observed, last observed first */
  listPatterns: {
    parameters: {
      query?: {
        /** @description The latest type of the pattern. */
        pattern_type?: string;
        /** @description An agent that observed the pattern. */
        agent_id?: string;
        /** @description The least latest confidence; leaves out patterns without one. */
        min_confidence?: number;
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description The patterns agents have observed, last observed first. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["ListPatternsAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** One pattern with its evidence and newest feedback */
  getPattern: {
    parameters: {
      path: {
        /** @description Id of a pattern. */
        pattern_id: string;
      };
    };
    responses: {
      /** @description One pattern with its evidence and newest feedback. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetPatternAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Takes feedback on a pattern as an event: durable when answered, counted once with an Idempotency-Key */
  addPatternFeedback: {
    parameters: {
      header?: {
        /** @description Makes a retry safe: a second request with the same key, pattern and body is acknowledged and dropped. */
        "Idempotency-Key"?: string;
      };
      path: {
        /** @description Id of a pattern. */
        pattern_id: string;
      };
    };
    readonly requestBody: {
      readonly content: {
        /**
         * @example {
         *   "score": 4,
         *   "text": "Right twice this week."
         * }
         */
        readonly "application/json": components["schemas"]["AddPatternFeedbackBody"];
      };
    };
    responses: {
      /** @description Takes feedback on a pattern as an event: durable when answered, counted once with an Idempotency-Key. */
      202: {
        content: {
          readonly "application/json": components["schemas"]["AddPatternFeedbackAnswer"];
        };
      };
      400: components["responses"]["BodyInvalidOrParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      408: components["responses"]["RequestTimeout"];
      413: components["responses"]["BodyTooLarge"];
      414: components["responses"]["UrlTooLong"];
      415: components["responses"]["MediaTypeUnsupported"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["IdempotencyMismatch"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["ClockUnsetOrSpoolFailedOrSpoolFullOrStopping"];
    };
  };
  /** Runs in their latest state, newest start first, with statistics over the filter */
  listRuns: {
    parameters: {
      query?: {
        /** @description Id of a crew. */
        crew_id?: string;
        /** @description Id of an agent. */
        agent_id?: string;
        /** @description Id of a flow. */
        flow_id?: string;
        /** @description Id of an engagement. */
        engagement_id?: string;
        /** @description Id of a user. */
        user_id?: string;
        /** @description Id of a session. */
        session_id?: string;
        /** @description Where the work ran, such as production. */
        environment?: string;
        /** @description Name of a model. */
        model?: string;
        provider?: string;
        /** @description Category of the failure. */
        error_category?: "tool" | "model" | "retrieval" | "orchestration" | "infra" | "guardrail" | "user";
        /** @description A part of the error message. */
        error_text?: string;
        /** @description Tasks that started at this time or later: a UTC date or an RFC 3339 time. */
        start_date_from?: string;
        /** @description Tasks that started at this time or earlier: a UTC date, its whole day, or an RFC 3339 time. */
        start_date_to?: string;
        /** @description State. */
        status?: "running" | "orphaned" | "completed" | "failed" | "cancelled" | "success" | "RUNNING" | "ORPHANED" | "COMPLETED" | "FAILED" | "CANCELLED" | "SUCCESS";
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description Rows to skip; further on, the cursor is the way. */
        offset?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
    };
    responses: {
      /** @description Runs in their latest state, newest start first, with statistics over the filter. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["RunPage"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** One run with its usage, its first tasks and its failures */
  getRun: {
    parameters: {
      path: {
        /** @description Id of a run. */
        run_id: string;
      };
    };
    responses: {
      /** @description One run with its usage, its first tasks and its failures. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["Run"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Erases a run from the store; 202 while events received before it wait for their insert */
  eraseRun: {
    parameters: {
      path: {
        /** @description Id of a run. */
        run_id: string;
      };
    };
    responses: {
      /** @description Erases a run from the store; 202 while events received before it wait for their insert. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["Erasure"];
        };
      };
      /** @description Erases a run from the store; 202 while events received before it wait for their insert. */
      202: {
        content: {
          readonly "application/json": components["schemas"]["Erasure"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** The tasks and step attempts of a run as a tree, with usage and the critical path */
  getRunTimeline: {
    parameters: {
      query?: {
        /** @description Rows of a page, at most. */
        limit?: number;
        /** @description The next_cursor of an earlier answer to the same question. */
        cursor?: string;
      };
      path: {
        /** @description Id of a run. */
        run_id: string;
      };
    };
    responses: {
      /** @description The tasks and step attempts of a run as a tree, with usage and the critical path. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["Timeline"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Erases what belongs to a person from the store; 202 while events received before it wait for their insert */
  eraseUser: {
    parameters: {
      path: {
        /** @description Id of a user. */
        user_id: string;
      };
    };
    responses: {
      /** @description Erases what belongs to a person from the store; 202 while events received before it wait for their insert. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["Erasure"];
        };
      };
      /** @description Erases what belongs to a person from the store; 202 while events received before it wait for their insert. */
      202: {
        content: {
          readonly "application/json": components["schemas"]["Erasure"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      404: components["responses"]["NotFound"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** The tenant, the user and the scopes of the key */
  getWhoami: {
    responses: {
      /** @description The tenant, the user and the scopes of the key. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetWhoamiAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Whether events are accepted, for load balancers: 200 when they are, 503 when not */
  getHealth: {
    responses: {
      /** @description Whether events are accepted, for load balancers: 200 when they are, 503 when not. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetHealthAnswer"];
        };
      };
      400: components["responses"]["RequestMalformed"];
      403: components["responses"]["OriginForeign"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      429: components["responses"]["AddressOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["Stopping"];
    };
  };
  /** Every dependency with its status and why, and the ledger of events */
  getDeepHealth: {
    responses: {
      /** @description Every dependency with its status and why, and the ledger of events. */
      200: {
        content: {
          readonly "application/json": components["schemas"]["GetDeepHealthAnswer"];
        };
      };
      400: components["responses"]["ParameterInvalidOrRequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      422: components["responses"]["QueryTooLarge"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["StoppingOrStoreUnavailable"];
      504: components["responses"]["QueryTimeout"];
    };
  };
  /** Every metric of the collector in the Prometheus text format */
  getPrometheusMetrics: {
    responses: {
      /** @description Every metric of the collector in the Prometheus text format. */
      200: {
        content: {
          readonly "text/plain": string;
        };
      };
      400: components["responses"]["RequestMalformed"];
      401: components["responses"]["KeyInvalidOrKeyMissing"];
      403: components["responses"]["OriginForeignOrScopeMissing"];
      414: components["responses"]["UrlTooLong"];
      421: components["responses"]["HostUnknown"];
      429: components["responses"]["AddressOverloadedOrKeyOverloadedOrOverloaded"];
      431: components["responses"]["HeadTooLarge"];
      500: components["responses"]["Internal"];
      503: components["responses"]["Stopping"];
    };
  };
}
