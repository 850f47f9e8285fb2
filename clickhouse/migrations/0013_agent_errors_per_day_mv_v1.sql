-- Fills agent_errors_per_day_v1 from failed executions. Equal messages are grouped before they are normalized: the
-- regular expressions (clickhouse/queries/sql/normalized-message.ts has what each replaces) are what this costs.
-- Without a failure in an insert nothing is written.
-- One insert writes at most 100 groups of an agent and day: an agent whose messages differ in every word must not make
-- a row of each. The rest is counted under the message <other>, without its code.

-- up
CREATE MATERIALIZED VIEW IF NOT EXISTS agent_errors_per_day_mv_v1 TO agent_errors_per_day_v1 AS
SELECT
    tenant,
    agent_id,
    day,
    error_category,
    if(place <= 100, code, '') AS error_code,
    if(place <= 100, text, '<other>') AS message,
    sum(same_text) AS occurrences,
    uniqMergeState(text_runs) AS runs,
    min(first_ts) AS first_seen,
    max(last_ts) AS last_seen
FROM
(
    SELECT
        tenant, agent_id, day, error_category, code, text, same_text, text_runs, first_ts, last_ts,
        row_number() OVER (
            PARTITION BY tenant, agent_id, day ORDER BY same_text DESC, error_category, code, text
        ) AS place
    FROM
    (
        SELECT
            tenant,
            agent_id,
            day,
            error_category,
            code,
            substringUTF8(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(
                error_message,
                '[a-zA-Z][a-zA-Z0-9+.-]*://[^\\s"\'<>]+', '<url>'),
                '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+', '<email>'),
                '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}', '<uuid>'),
                '\\b\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}(:\\d+)?\\b', '<address>'),
                '"[^"]*"|`[^`]*`|\\B\'[^\']*\'\\B', '<text>'),
                '\\b\\d+([.,]\\d+)*\\b', '<n>'),
                '\\b(0x[0-9a-fA-F]+|[0-9a-fA-F]{8,})\\b', '<hex>'),
                '\\d+([.,]\\d+)*', '<n>'), 1, 200) AS text,
            sum(same) AS same_text,
            uniqMergeState(same_runs) AS text_runs,
            min(first_same) AS first_ts,
            max(last_same) AS last_ts
        FROM
        (
            SELECT
                tenant,
                agent_id,
                toDate(ts) AS day,
                error_category,
                error_code AS code,
                error_message,
                count() AS same,
                uniqStateIf(run_id, run_id != '') AS same_runs,
                min(ts) AS first_same,
                max(ts) AS last_same
            FROM agent_events_raw_v1
            WHERE type = 'task.failed' AND conflicting_end = 0
            GROUP BY tenant, agent_id, day, error_category, code, error_message
        )
        GROUP BY tenant, agent_id, day, error_category, code, text
    )
)
GROUP BY tenant, agent_id, day, error_category, error_code, message;

-- down
DROP VIEW IF EXISTS agent_errors_per_day_mv_v1;
