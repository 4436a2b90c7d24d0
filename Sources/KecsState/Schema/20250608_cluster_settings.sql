-- Settings, configuration and capacity providers of clusters (upstream #83).

-- migrate:up
ALTER TABLE clusters ADD COLUMN configuration JSON;
ALTER TABLE clusters ADD COLUMN settings JSON;
ALTER TABLE clusters ADD COLUMN capacity_providers JSON;
ALTER TABLE clusters ADD COLUMN default_capacity_provider_strategy JSON;

-- migrate:down
ALTER TABLE clusters DROP COLUMN default_capacity_provider_strategy;
ALTER TABLE clusters DROP COLUMN capacity_providers;
ALTER TABLE clusters DROP COLUMN settings;
ALTER TABLE clusters DROP COLUMN configuration;
