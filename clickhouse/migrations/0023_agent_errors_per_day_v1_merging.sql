-- As 0022, for the groups of errors.

-- up
ALTER TABLE agent_errors_per_day_v1 MODIFY SETTING min_age_to_force_merge_seconds = 3600;

-- down
ALTER TABLE agent_errors_per_day_v1 RESET SETTING min_age_to_force_merge_seconds;
