-- Merged parts of agent_events_raw_v1 are wide from 16 MiB on, and merged column by column from 50,000 rows on. Row by
-- row, as it was below 128 MiB, a pass over 14 parts of 16,500 rows took 3.6 us of CPU a row, since 2.3 (the least of
-- two replays each in turn). A look-up of all columns of a run takes 1 to 2 ms more in such a part; scans of a few
-- columns take the same. Level 1: what an insert writes stays compact whatever its size, because a wide part of so many
-- columns is some 200 files.

-- up
ALTER TABLE agent_events_raw_v1
    MODIFY SETTING
        min_bytes_for_wide_part = 16777216,
        min_level_for_wide_part = 1,
        vertical_merge_algorithm_min_rows_to_activate = 50000;

-- down
ALTER TABLE agent_events_raw_v1
    MODIFY SETTING min_bytes_for_wide_part = 134217728;
ALTER TABLE agent_events_raw_v1
    RESET SETTING min_level_for_wide_part, vertical_merge_algorithm_min_rows_to_activate;
