// SPDX-License-Identifier: Apache-2.0

/// A program that serves a folder of this host by S3: how it is run, asked for its health, and what the folder looks like.
public enum ObjectStoreFlavour: String, CaseIterable, Hashable, Sendable {
    /// Objects as folders with `xl.meta`.
    case minio
    /// Objects as plain files.
    case versitygw

    static let port: Int64 = 9000
    /// In the container.
    static let folder = "/data"
    /// Any text for MinIO; versitygw refuses requests for another one than it was given.
    static let region = "minio"

    var arguments: [String] {
        switch self {
        case .minio: ["server", Self.folder]
        case .versitygw:
            ["--port", ":\(Self.port)", "--region", Self.region, "--health", "/health", "posix", Self.folder]
        }
    }

    /// Which variables have the two halves of the credentials.
    var secretVariables: (accessKey: String, secretKey: String) {
        switch self {
        case .minio: ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")
        case .versitygw: ("ROOT_ACCESS_KEY", "ROOT_SECRET_KEY")
        }
    }

    var variables: [(name: String, value: String)] {
        switch self {
        case .minio: [("MINIO_BROWSER", "off"), ("MINIO_UPDATE", "off")]
        case .versitygw: []
        }
    }

    /// MinIO answers 200 at `ready` while its objects cannot be had yet.
    var readiness: String {
        switch self {
        case .minio: "/minio/health/cluster"
        case .versitygw: "/health"
        }
    }

    var liveness: String {
        switch self {
        case .minio: "/minio/health/live"
        case .versitygw: "/health"
        }
    }

    /// What the server makes in its folder before a bucket can be made beside it; nil: a bucket is only a folder.
    public var formatFile: String? {
        switch self {
        case .minio: ".minio.sys/format.json"
        case .versitygw: nil
        }
    }
}
