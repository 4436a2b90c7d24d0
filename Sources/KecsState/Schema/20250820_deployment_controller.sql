-- Who deploys a service (upstream #511, without an ALTER, so newer databases may lack it).

-- migrate:up
ALTER TABLE services ADD COLUMN deployment_controller VARCHAR;

-- migrate:down
ALTER TABLE services DROP COLUMN deployment_controller;
