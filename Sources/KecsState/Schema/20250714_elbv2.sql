-- Load balancers (upstream #326).

-- migrate:up
CREATE TABLE elbv2_load_balancers (
  arn VARCHAR PRIMARY KEY,
  name VARCHAR NOT NULL UNIQUE,
  dns_name VARCHAR,
  canonical_hosted_zone_id VARCHAR,
  state VARCHAR,
  type VARCHAR,
  scheme VARCHAR,
  vpc_id VARCHAR,
  subnets VARCHAR,
  availability_zones VARCHAR,
  security_groups VARCHAR,
  ip_address_type VARCHAR,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE elbv2_target_groups (
  arn VARCHAR PRIMARY KEY,
  name VARCHAR NOT NULL UNIQUE,
  protocol VARCHAR,
  port INTEGER,
  vpc_id VARCHAR,
  target_type VARCHAR,
  health_check_enabled BOOLEAN NOT NULL DEFAULT true,
  health_check_protocol VARCHAR,
  health_check_port VARCHAR,
  health_check_path VARCHAR,
  health_check_interval_seconds INTEGER,
  health_check_timeout_seconds INTEGER,
  healthy_threshold_count INTEGER,
  unhealthy_threshold_count INTEGER,
  matcher VARCHAR,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE elbv2_listeners (
  arn VARCHAR PRIMARY KEY,
  load_balancer_arn VARCHAR NOT NULL,
  port INTEGER NOT NULL,
  protocol VARCHAR NOT NULL,
  default_actions VARCHAR,
  ssl_policy VARCHAR,
  certificates VARCHAR,
  alpn_policy VARCHAR,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);
CREATE TABLE elbv2_targets (
  target_group_arn VARCHAR NOT NULL,
  id VARCHAR NOT NULL,
  port INTEGER NOT NULL,
  availability_zone VARCHAR,
  health_state VARCHAR NOT NULL,
  health_reason VARCHAR,
  health_description VARCHAR,
  registered_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  PRIMARY KEY (target_group_arn, id)
);
CREATE TABLE elbv2_rules (
  arn VARCHAR PRIMARY KEY,
  listener_arn VARCHAR NOT NULL,
  priority INTEGER NOT NULL,
  conditions VARCHAR NOT NULL,
  actions VARCHAR NOT NULL,
  is_default BOOLEAN NOT NULL DEFAULT false,
  tags VARCHAR,
  region VARCHAR,
  account_id VARCHAR,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL
);

-- migrate:down
DROP TABLE elbv2_rules;
DROP TABLE elbv2_targets;
DROP TABLE elbv2_listeners;
DROP TABLE elbv2_target_groups;
DROP TABLE elbv2_load_balancers;
