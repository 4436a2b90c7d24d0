-- Node ports of services (upstream #694, without an ALTER, so newer databases may lack them).

-- migrate:up
ALTER TABLE services ADD COLUMN node_ports VARCHAR;
ALTER TABLE services ADD COLUMN has_node_port BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE services ADD COLUMN assign_public_ip BOOLEAN NOT NULL DEFAULT false;

-- migrate:down
ALTER TABLE services DROP COLUMN assign_public_ip;
ALTER TABLE services DROP COLUMN has_node_port;
ALTER TABLE services DROP COLUMN node_ports;
