-- Which load balancers send to a target group (upstream #337).

-- migrate:up
ALTER TABLE elbv2_target_groups ADD COLUMN load_balancer_arns VARCHAR;

-- migrate:down
ALTER TABLE elbv2_target_groups DROP COLUMN load_balancer_arns;
