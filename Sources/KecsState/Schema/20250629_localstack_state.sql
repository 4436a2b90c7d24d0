-- What is known of a cluster's LocalStack (upstream #296).

-- migrate:up
ALTER TABLE clusters ADD COLUMN localstack_state VARCHAR;

-- migrate:down
ALTER TABLE clusters DROP COLUMN localstack_state;
