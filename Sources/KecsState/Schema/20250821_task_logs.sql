-- Logs of tasks (upstream #519).

-- migrate:up
CREATE TABLE task_logs (
  id VARCHAR PRIMARY KEY,
  task_arn VARCHAR NOT NULL,
  container_name VARCHAR NOT NULL,
  timestamp TIMESTAMP NOT NULL,
  log_line VARCHAR NOT NULL,
  log_level VARCHAR,
  created_at TIMESTAMP
);

-- migrate:down
DROP TABLE task_logs;
