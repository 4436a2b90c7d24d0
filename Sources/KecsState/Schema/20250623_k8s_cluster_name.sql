-- Clusters are no longer kind's (upstream #216, which renamed the column in new databases only).

-- migrate:up
ALTER TABLE clusters RENAME COLUMN kind_cluster_name TO k8s_cluster_name;

-- migrate:down
ALTER TABLE clusters RENAME COLUMN k8s_cluster_name TO kind_cluster_name;
