-- Service registries of tasks (upstream #503; its ALTER was never reached, so newer databases may lack it).

-- migrate:up
ALTER TABLE tasks ADD COLUMN service_registries VARCHAR;

-- migrate:down
ALTER TABLE tasks DROP COLUMN service_registries;
