CREATE DATABASE IF NOT EXISTS tidemark;

CREATE TABLE IF NOT EXISTS tidemark.schema_migrations (…)
ENGINE = SharedMergeTree
ORDER BY (number, at)
COMMENT 'Steps of the schema migrations.';

CREATE TABLE IF NOT EXISTS agent_events_raw_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, agent_id, toStartOfHour(ts))
TTL toDateTime(received) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, min_bytes_for_wide_part = 134217728, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every event, one row each. Kept 30 days.';

DROP TABLE IF EXISTS agent_events_raw_v1;

CREATE VIEW IF NOT EXISTS agent_events (…)
AS SELECT … FROM agent_events_raw_v1;

DROP VIEW IF EXISTS agent_events;

CREATE TABLE IF NOT EXISTS agent_performance_per_minute_v1 (…)
ENGINE = SharedAggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (tenant, agent_id, minute)
TTL minute + INTERVAL 90 DAY
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, min_bytes_for_wide_part = 134217728, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Executions and usage per tenant, agent and minute. Kept 90 days.';

DROP TABLE IF EXISTS agent_performance_per_minute_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_performance_per_minute_mv_v1 TO agent_performance_per_minute_v1 AS
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type IN (
'run.completed', 'run.failed', 'run.cancelled', 'task.completed', 'task.failed', 'task.cancelled',
'step.completed', 'step.failed'
) AND conflicting_end = 0
)
GROUP BY tenant, agent_id, minute;

DROP VIEW IF EXISTS agent_performance_per_minute_mv_v1;

CREATE VIEW IF NOT EXISTS agent_performance_minutely (…)
AS SELECT … FROM
(
SELECT … FROM agent_performance_per_minute_v1 AS rollup
GROUP BY tenant, agent_id, minute
);

DROP VIEW IF EXISTS agent_performance_minutely;

CREATE VIEW IF NOT EXISTS agent_duration_digests (…)
AS SELECT … FROM agent_performance_per_minute_v1;

DROP VIEW IF EXISTS agent_duration_digests;

CREATE TABLE IF NOT EXISTS agent_performance_per_day_v1 (…)
ENGINE = SharedAggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, agent_id, day)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 3600, min_bytes_for_wide_part = 134217728, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Executions and usage per tenant, agent and day.';

DROP TABLE IF EXISTS agent_performance_per_day_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_performance_per_day_mv_v1 TO agent_performance_per_day_v1 AS
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
)
GROUP BY tenant, agent_id, day;

DROP VIEW IF EXISTS agent_performance_per_day_mv_v1;

CREATE VIEW IF NOT EXISTS agent_performance_daily (…)
AS SELECT … FROM
(
SELECT … FROM agent_performance_per_day_v1 AS rollup
GROUP BY tenant, agent_id, day
);

DROP VIEW IF EXISTS agent_performance_daily;

CREATE TABLE IF NOT EXISTS engagement_performance_per_day_v1 (…)
ENGINE = SharedAggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, engagement_id, day)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 3600, min_bytes_for_wide_part = 134217728, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Executions and usage per tenant, engagement and day.';

DROP TABLE IF EXISTS engagement_performance_per_day_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS engagement_performance_per_day_mv_v1 TO engagement_performance_per_day_v1 AS
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE engagement_id != ''
)
GROUP BY tenant, engagement_id, day;

DROP VIEW IF EXISTS engagement_performance_per_day_mv_v1;

CREATE TABLE IF NOT EXISTS agent_errors_per_day_v1 (…)
ENGINE = SharedAggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, agent_id, day, error_category, error_code, message)
TTL day + INTERVAL 400 DAY
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 3600, ttl_only_drop_parts = 1, min_bytes_for_wide_part = 134217728, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Groups of failed executions per tenant, agent and day. Kept 400 days.';

DROP TABLE IF EXISTS agent_errors_per_day_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_errors_per_day_mv_v1 TO agent_errors_per_day_v1 AS
SELECT … FROM
(
SELECT … FROM
(
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type = 'task.failed' AND conflicting_end = 0
GROUP BY tenant, agent_id, day, error_category, code, error_message
)
GROUP BY tenant, agent_id, day, error_category, code, text
)
)
GROUP BY tenant, agent_id, day, error_category, error_code, message;

DROP VIEW IF EXISTS agent_errors_per_day_mv_v1;

CREATE VIEW IF NOT EXISTS agent_errors_daily (…)
AS SELECT … FROM agent_errors_per_day_v1 AS rollup
GROUP BY tenant, agent_id, day, error_category, error_code, message;

DROP VIEW IF EXISTS agent_errors_daily;

CREATE TABLE IF NOT EXISTS agent_task_history_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, task_id, run_id, agent_id, version)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS index_granularity = 512, min_bytes_for_wide_part = 10737418240, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Events of tasks by task; a task is what they add up to. Kept 90 days.';

DROP TABLE IF EXISTS agent_task_history_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_task_history_mv_v1 TO agent_task_history_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type IN ('task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled');

DROP VIEW IF EXISTS agent_task_history_mv_v1;

CREATE TABLE IF NOT EXISTS agent_tasks_by_start_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, start, task_id, run_id)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS min_bytes_for_wide_part = 134217728, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Events of tasks in the order of the start they tell. Kept 90 days.';

DROP TABLE IF EXISTS agent_tasks_by_start_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_tasks_by_start_mv_v1 TO agent_tasks_by_start_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type IN ('task.pending', 'task.running', 'task.completed', 'task.failed', 'task.cancelled');

DROP VIEW IF EXISTS agent_tasks_by_start_mv_v1;

CREATE VIEW IF NOT EXISTS agent_task_history (…)
AS SELECT … FROM
(
SELECT … FROM
(
SELECT … FROM agent_task_history_v1
) AS e
GROUP BY e.tenant, e.task_id, e.run_id, if(e.run_id = '', e.agent_id, '')
);

DROP VIEW IF EXISTS agent_task_history;

CREATE TABLE IF NOT EXISTS agent_runs_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, run_id, version)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS index_granularity = 512, min_bytes_for_wide_part = 10737418240, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Events of runs by run; a run is what they add up to. Kept 90 days.';

DROP TABLE IF EXISTS agent_runs_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_runs_mv_v1 TO agent_runs_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type IN ('run.started', 'run.completed', 'run.failed', 'run.cancelled');

DROP VIEW IF EXISTS agent_runs_mv_v1;

CREATE TABLE IF NOT EXISTS agent_runs_by_start_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, start, run_id)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS min_bytes_for_wide_part = 134217728, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Events of runs in the order of the start they tell. Kept 90 days.';

DROP TABLE IF EXISTS agent_runs_by_start_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_runs_by_start_mv_v1 TO agent_runs_by_start_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type IN ('run.started', 'run.completed', 'run.failed', 'run.cancelled');

DROP VIEW IF EXISTS agent_runs_by_start_mv_v1;

CREATE VIEW IF NOT EXISTS agent_runs (…)
AS SELECT … FROM
(
SELECT … FROM
(
SELECT … FROM agent_runs_v1
) AS e
GROUP BY e.tenant, e.run_id
);

DROP VIEW IF EXISTS agent_runs;

CREATE TABLE IF NOT EXISTS agent_run_activity_v1 (…)
ENGINE = SharedAggregatingMergeTree
PARTITION BY toYYYYMM(last_received)
ORDER BY (tenant, run_id)
TTL toDateTime(last_received) + INTERVAL 90 DAY
SETTINGS index_granularity = 512, min_bytes_for_wide_part = 10737418240, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Counts and usage of runs. Kept 90 days.';

DROP TABLE IF EXISTS agent_run_activity_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_run_activity_mv_v1 TO agent_run_activity_v1 AS
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE run_id != ''
)
GROUP BY tenant, run_id;

DROP VIEW IF EXISTS agent_run_activity_mv_v1;

CREATE VIEW IF NOT EXISTS agent_steps (…)
AS SELECT … FROM
(
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type IN ('step.started', 'step.completed', 'step.failed')
) AS e
GROUP BY e.tenant, e.run_id, e.task_id, e.step_id, e.attempt, if(e.run_id = '', e.agent_id, '')
);

DROP VIEW IF EXISTS agent_steps;

CREATE TABLE IF NOT EXISTS agent_failures_v1 (…)
ENGINE = SharedReplacingMergeTree(outcome)
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, lane, ts, unit, attempt)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS min_age_to_force_merge_seconds = 3600, min_bytes_for_wide_part = 134217728, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Failed attempts and what became of them. Kept 90 days.';

DROP TABLE IF EXISTS agent_failures_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_failures_mv_v1 TO agent_failures_v1 AS
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type IN ('run.failed', 'task.failed', 'step.failed') AND conflicting_end = 0
OR type IN ('run.completed', 'task.completed')
OR attempt > 1 AND type IN (
'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
'step.completed'
)
);

DROP VIEW IF EXISTS agent_failures_mv_v1;

CREATE VIEW IF NOT EXISTS agent_failures (…)
AS SELECT … FROM agent_failures_v1 AS f FINAL
WHERE lane = 'failed';

DROP VIEW IF EXISTS agent_failures;

CREATE TABLE IF NOT EXISTS failure_settlements_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(settled_at)
ORDER BY settled_at
TTL toDateTime(settled_at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1
COMMENT 'Settlements of failed attempts, newest last. Kept 90 days.';

DROP TABLE IF EXISTS failure_settlements_v1;

CREATE TABLE IF NOT EXISTS agent_memory_per_day_v1 (…)
ENGINE = SharedAggregatingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, agent_id, day)
SETTINGS index_granularity = 1024, min_bytes_for_wide_part = 134217728, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Memory operations per tenant, agent and day.';

DROP TABLE IF EXISTS agent_memory_per_day_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_memory_per_day_mv_v1 TO agent_memory_per_day_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type IN ('memory.stored', 'memory.recalled')
GROUP BY tenant, agent_id, day;

DROP VIEW IF EXISTS agent_memory_per_day_mv_v1;

CREATE VIEW IF NOT EXISTS agent_memory_daily (…)
AS SELECT … FROM agent_memory_per_day_v1 AS rollup
GROUP BY tenant, agent_id, day;

DROP VIEW IF EXISTS agent_memory_daily;

CREATE TABLE IF NOT EXISTS agent_patterns_v1 (…)
ENGINE = SharedAggregatingMergeTree
ORDER BY (tenant, pattern_id, agent_id)
SETTINGS index_granularity = 512, min_bytes_for_wide_part = 10737418240, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Patterns as agents observed them.';

DROP TABLE IF EXISTS agent_patterns_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_patterns_mv_v1 TO agent_patterns_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type = 'pattern.observed'
GROUP BY tenant, pattern_id, agent_id;

DROP VIEW IF EXISTS agent_patterns_mv_v1;

CREATE TABLE IF NOT EXISTS agent_pattern_feedback_v1 (…)
ENGINE = SharedReplacingMergeTree(version)
ORDER BY (tenant, pattern_id, feedback_id)
SETTINGS index_granularity = 512, min_bytes_for_wide_part = 10737418240, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Feedback on patterns.';

DROP TABLE IF EXISTS agent_pattern_feedback_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_pattern_feedback_mv_v1 TO agent_pattern_feedback_v1 AS
SELECT … FROM agent_events_raw_v1
WHERE type = 'pattern.feedback';

DROP VIEW IF EXISTS agent_pattern_feedback_mv_v1;

CREATE VIEW IF NOT EXISTS agent_discovered_patterns (…)
AS SELECT … FROM
(
SELECT … FROM agent_patterns_v1 AS seen
GROUP BY tenant, pattern_id
) AS pattern
LEFT JOIN
(
SELECT … FROM agent_pattern_feedback_v1 FINAL
GROUP BY tenant, pattern_id
) AS feedback ON feedback.tenant = pattern.tenant AND feedback.pattern_id = pattern.pattern_id;

DROP VIEW IF EXISTS agent_discovered_patterns;

CREATE TABLE IF NOT EXISTS day_finalizations_v1 (…)
ENGINE = SharedMergeTree
ORDER BY (day, finalized_at)
TTL toDateTime(finalized_at) + INTERVAL 400 DAY
COMMENT 'Finalizations of days, newest last. Kept 400 days.';

DROP TABLE IF EXISTS day_finalizations_v1;

CREATE TABLE IF NOT EXISTS erasures_v1 (…)
ENGINE = SharedReplacingMergeTree(version)
ORDER BY (tenant, requested_at, erasure_id)
COMMENT 'Requests to erase runs and people.';

DROP TABLE IF EXISTS erasures_v1;

CREATE TABLE IF NOT EXISTS erased_ids_v1 (…)
ENGINE = SharedReplacingMergeTree(erased_at)
ORDER BY (tenant, kind, id_hash, erasure_id)
TTL toDateTime(erased_at) + INTERVAL 400 DAY
COMMENT 'Hashes of erased ids. Kept 400 days.';

DROP TABLE IF EXISTS erased_ids_v1;

CREATE TABLE IF NOT EXISTS erased_agent_days_v1 (…)
ENGINE = SharedReplacingMergeTree(erased_at)
ORDER BY (day, tenant, agent_id)
COMMENT 'Days of agents of which events were erased.';

DROP TABLE IF EXISTS erased_agent_days_v1;

CREATE TABLE IF NOT EXISTS erasure_targets_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY erasure_id
ORDER BY (kind, id)
COMMENT 'Ids of erasures under way.';

DROP TABLE IF EXISTS erasure_targets_v1;

CREATE TABLE IF NOT EXISTS leases_v1 (…)
ENGINE = SharedMergeTree
ORDER BY (lease, period)
TTL toDateTime(taken_at) + INTERVAL 2 DAY
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800
COMMENT 'Leases of collectors on work that is done once. Kept 2 days.';

DROP TABLE IF EXISTS leases_v1;

ALTER TABLE agent_events_raw_v1
MODIFY SETTING
min_bytes_for_wide_part = 16777216,
min_level_for_wide_part = 1,
vertical_merge_algorithm_min_rows_to_activate = 50000;

ALTER TABLE agent_events_raw_v1
MODIFY SETTING min_bytes_for_wide_part = 134217728;

ALTER TABLE agent_events_raw_v1
RESET SETTING min_level_for_wide_part, vertical_merge_algorithm_min_rows_to_activate;

ALTER TABLE agent_performance_per_day_v1
MODIFY COLUMN duration_digest CODEC(NONE),
MODIFY COLUMN successful_duration_digest CODEC(NONE);

ALTER TABLE agent_performance_per_day_v1
MODIFY COLUMN duration_digest CODEC(Default),
MODIFY COLUMN successful_duration_digest CODEC(Default);

CREATE TABLE IF NOT EXISTS agent_tries_v1 (…)
ENGINE = SharedMergeTree
PARTITION BY toYYYYMM(received)
ORDER BY (tenant, inserted)
TTL toDateTime(received) + INTERVAL 90 DAY
SETTINGS min_bytes_for_wide_part = 134217728, ttl_only_drop_parts = 1, merge_selector_base = 10, max_bytes_to_merge_at_max_space_in_pool = 4294967296, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Tries of what may have failed before. Kept 90 days.';

DROP TABLE IF EXISTS agent_tries_v1;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_tries_mv_v1 TO agent_tries_v1 AS
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type IN ('run.completed', 'task.completed')
OR conflicting_end = 0
AND (type IN ('run.failed', 'task.failed') OR type = 'step.failed' AND attempt != 1)
OR attempt > 1 AND type IN (
'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
'step.completed'
)
);

DROP VIEW IF EXISTS agent_tries_mv_v1;

INSERT INTO agent_tries_v1 (tenant, inserted, ts, received, unit, family, attempt, completed)
SELECT … FROM agent_failures_v1
WHERE lane != 'failed' OR kind != 'step' OR attempt != 1
UNION ALL
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE received >= (SELECT max(received) FROM agent_events_raw_v1) - INTERVAL 1 HOUR AND (
type IN ('run.completed', 'task.completed')
OR conflicting_end = 0
AND (type IN ('run.failed', 'task.failed') OR type = 'step.failed' AND attempt != 1)
OR attempt > 1 AND type IN (
'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
'step.completed'
))
);

ALTER TABLE agent_tries_v1 MODIFY COMMENT 'Tries of what may have failed before. Kept 90 days.';

ALTER TABLE agent_failures_mv_v1 MODIFY QUERY
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type IN ('run.failed', 'task.failed', 'step.failed') AND conflicting_end = 0
);

ALTER TABLE agent_failures_mv_v1 MODIFY QUERY
SELECT … FROM
(
SELECT … FROM agent_events_raw_v1
WHERE type IN ('run.failed', 'task.failed', 'step.failed') AND conflicting_end = 0
OR type IN ('run.completed', 'task.completed')
OR attempt > 1 AND type IN (
'run.started', 'run.cancelled', 'task.pending', 'task.running', 'task.cancelled', 'step.started',
'step.completed'
)
);
