// SPDX-License-Identifier: Apache-2.0
import Kecs

extension Rendering {
    /// The container-mode guide's PVC and Deployment, with the settings that allow only one writer: one replica, and
    /// Recreate.
    var kubernetes: String {
        let owner = user.split(separator: ":")
        let uid = owner.first ?? "65532"
        let gid = owner.dropFirst().first ?? uid
        return """
            # The instance \(name). Written by “kecsctl render kubernetes \(name)”.
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata:
              name: kecs-\(name)-data
              labels:
                app.kubernetes.io/name: kecs
                app.kubernetes.io/instance: "\(name)"
            spec:
              accessModes:
                - ReadWriteOnce
              resources:
                requests:
                  storage: 10Gi
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: kecs-\(name)
              labels:
                app.kubernetes.io/name: kecs
                app.kubernetes.io/instance: "\(name)"
            spec:
              replicas: 1
              strategy:
                type: Recreate
              selector:
                matchLabels:
                  app.kubernetes.io/name: kecs
                  app.kubernetes.io/instance: "\(name)"
              template:
                metadata:
                  labels:
                    app.kubernetes.io/name: kecs
                    app.kubernetes.io/instance: "\(name)"
                spec:
                  securityContext:
                    runAsNonRoot: true
                    runAsUser: \(uid)
                    runAsGroup: \(gid)
                    fsGroup: \(gid)
                    seccompProfile:
                      type: RuntimeDefault
                  terminationGracePeriodSeconds: 30
                  containers:
                    - name: controlplane
                      image: \(quoted(image))
                      env:
                        - name: KECS_CONTAINER_MODE
                          value: "true"
                        - name: KECS_DATA_DIR
                          value: /data
                        - name: KECS_INSTANCE
                          value: "\(name)"
                      ports:
                        - name: api
                          containerPort: 5373
                        - name: admin
                          containerPort: 5374
                      startupProbe:
                        httpGet:
                          path: /ready
                          port: admin
                        initialDelaySeconds: 10
                        periodSeconds: 3
                        failureThreshold: 40
                      readinessProbe:
                        httpGet:
                          path: /ready
                          port: admin
                        periodSeconds: 5
                      livenessProbe:
                        httpGet:
                          path: /health
                          port: admin
                        periodSeconds: 30
                      resources:
                        requests:
                          cpu: 100m
                          memory: 128Mi
                        limits:
                          cpu: "1"
                          memory: 1Gi
                      securityContext:
                        allowPrivilegeEscalation: false
                        capabilities:
                          drop:
                            - ALL
                      volumeMounts:
                        - name: data
                          mountPath: /data
                  volumes:
                    - name: data
                      persistentVolumeClaim:
                        claimName: kecs-\(name)-data
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: kecs-\(name)
              labels:
                app.kubernetes.io/name: kecs
                app.kubernetes.io/instance: "\(name)"
            spec:
              selector:
                app.kubernetes.io/name: kecs
                app.kubernetes.io/instance: "\(name)"
              ports:
                - name: api
                  port: 5373
                  targetPort: api
                - name: admin
                  port: 5374
                  targetPort: admin

            """
    }

    /// The commands of the persistence guide's entrypoint, without its traps: no chmod 777, no copy of a live database.
    var entrypoint: String {
        """
        #!/bin/sh
        # The first process in the container of an instance such as \(name): prepares the data folder, then becomes the server.
        # Written by “kecsctl render entrypoint \(name)”.
        set -eu

        data=${KECS_DATA_DIR:-/data}
        seed=${KECS_SEED_DIR:-/app/seed}
        database=$data/kecs.db

        if [ ! -d "$data" ]; then
            echo "There is no $data: mount a folder or a volume there." >&2
            exit 64
        fi
        # SQLite creates -wal and -shm beside the database, so the folder itself must be writable.
        if [ ! -w "$data" ]; then
            echo "WARNING: $data is not writable by $(id -u):$(id -g); it belongs to $(stat -c %u:%g "$data")." >&2
            exit 1
        fi

        if [ -f "$database" ]; then
            echo "Database found at $database"
        else
            echo "First run detected: there is no $database yet"
        fi

        # A configuration that was edited is never replaced.
        if [ -f "$seed/config.json" ] && [ ! -e "$data/config.json" ]; then
            echo "Config template copied to $data/config.json"
            cp "$seed/config.json" "$data/.config.json.draft"
            mv "$data/.config.json.draft" "$data/config.json"
        fi

        if [ -n "${KECS_MIGRATE_COMMAND:-}" ]; then
            echo "Running database migrations..."
            sh -c "$KECS_MIGRATE_COMMAND"
        fi

        exec "$@"

        """
    }

    /// A nightly backup over ssh, and a copy to an object store; secrets come from the repository's settings.
    var githubActions: String {
        """
        # Backs up the instance \(name) on its machine, and fetches the backup.
        # Written by “kecsctl render github-actions \(name)”. Secrets: BACKUP_HOST, BACKUP_USER, BACKUP_SSH_KEY, BACKUP_KNOWN_HOSTS.
        name: Back up \(name)

        "on":
          schedule:
            - cron: "0 2 * * *"
          workflow_dispatch:

        permissions:
          contents: read

        concurrency:
          group: backup-\(name)
          cancel-in-progress: false

        jobs:
          backup:
            runs-on: ubuntu-latest
            timeout-minutes: 60
            steps:
              - name: Prepare ssh
                env:
                  SSH_KEY: ${{ secrets.BACKUP_SSH_KEY }}
                  KNOWN_HOSTS: ${{ secrets.BACKUP_KNOWN_HOSTS }}
                run: |
                  install -d -m 700 ~/.ssh
                  (umask 077 && printf '%s\\n' "$SSH_KEY" > ~/.ssh/id_backup)
                  printf '%s\\n' "$KNOWN_HOSTS" > ~/.ssh/known_hosts

              - name: Back up and verify
                env:
                  TARGET: ${{ secrets.BACKUP_USER }}@${{ secrets.BACKUP_HOST }}
                run: |
                  ssh -i ~/.ssh/id_backup "$TARGET" kecsctl backup \(name) --quiet --timeout 50m
                  ssh -i ~/.ssh/id_backup "$TARGET" kecsctl check \(name) --max-age 1h

              - name: Fetch
                env:
                  TARGET: ${{ secrets.BACKUP_USER }}@${{ secrets.BACKUP_HOST }}
                run: |
                  ssh -i ~/.ssh/id_backup "$TARGET" 'f=$(mktemp -d)/backup.tar && kecsctl backups export latest --file "$f" --quiet && cat "$f" && rm -r "$(dirname "$f")"' > backup.tar
                  tar -tf backup.tar > /dev/null

              - name: Keep
                uses: actions/upload-artifact@v4
                with:
                  name: backup-\(name)-${{ github.run_id }}
                  path: backup.tar
                  retention-days: 14
                  if-no-files-found: error

        """
    }
}
