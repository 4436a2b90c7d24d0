// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage

/// The server's database. Its files are on this host below the instance's data, so they are in every backup and outlive
/// the cluster.
extension ControlPlaneManifests {
    /// The folder's name below the data folder, as upstream has it.
    static let postgresFolder = "postgres"
    /// The user in alpine's image. An image with another base has another C library, with another order of texts:
    /// indexes would be wrong.
    private static let alpineUser: UInt32 = 70

    /// Returns the image and the user of PostgreSQL. An instance of upstream's keeps its own. A new one belongs to the
    /// data's owner, so that the user who takes backups can read it.
    ///
    /// - Parameter existing: The owner of the existing database, if there is one.
    static func postgresImage(
        existing: UInt32?, owner: (user: UInt32, group: UInt32)
    ) -> (image: String, user: UInt32, group: UInt32) {
        // Arbitrary users need an entry that only Debian's image makes up for them.
        existing == alpineUser
            ? ("postgres:16-alpine", alpineUser, alpineUser) : ("postgres:16", owner.user, owner.group)
    }

    var postgresContainer: JSONValue {
        let (image, user, group) = Self.postgresImage(existing: postgresOwner, owner: owner)
        func probe(delay: Int64, period: Int64) -> JSONValue {
            [
                "exec": ["command": ["pg_isready", "-U", "kecs"]], "initialDelaySeconds": .integer(delay),
                "periodSeconds": .integer(period), "timeoutSeconds": 5,
            ]
        }
        return [
            "name": "postgres", "image": .string(image), "imagePullPolicy": "IfNotPresent",
            "securityContext": ["runAsUser": .integer(Int64(user)), "runAsGroup": .integer(Int64(group))],
            "ports": [["name": "postgres", "containerPort": 5432, "protocol": "TCP"]],
            "env": [
                ["name": "POSTGRES_DB", "value": "kecs"],
                ["name": "POSTGRES_USER", "value": "kecs"],
                // Upstream's server has this password in its program. Only its own pod reaches the database.
                ["name": "POSTGRES_PASSWORD", "value": "kecs-postgres-2024"],
                ["name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"],
            ],
            "resources": ["requests": ["memory": "128Mi"], "limits": ["memory": "256Mi"]],
            "readinessProbe": probe(delay: 5, period: 10),
            "livenessProbe": probe(delay: 30, period: 30),
            "volumeMounts": [
                [
                    "name": "data", "mountPath": "/var/lib/postgresql/data",
                    "subPath": .string(Self.postgresFolder),
                ]
            ],
        ]
    }

    /// Makes the folder with its owner before the pod can: Kubernetes would give it to root.
    ///
    /// - Returns: The owner of the database in it, if there is one.
    static func preparePostgres(
        in dataFolder: FilePath, owner: (user: UInt32, group: UInt32)
    ) throws -> UInt32? {
        let folder = dataFolder.appending(postgresFolder)
        if try !folder.isPresent {
            try folder.createFolder(mode: 0o700)
            if let status = try FileStatus.of(folder), (status.owner, status.group) != owner {
                try folder.setOwner(owner)
            }
        }
        return try FileStatus.of(folder.appending("pgdata"))?.owner
    }
}
