// SPDX-License-Identifier: Apache-2.0

/// A program that serves a folder of this host by S3, with its arguments, its health checks and the format of its
/// folder.
public enum ObjectStoreFlavour: String, CaseIterable, Hashable, Sendable {
    /// MinIO: objects are folders with `xl.meta`.
    case minio
    /// versitygw: objects are plain files.
    case versitygw

    static let port: Int64 = 9000
    /// The folder in the container.
    static let folder = "/data"
    /// The region. MinIO accepts any; versitygw refuses requests for another region than its own.
    static let region = "minio"

    var arguments: [String] {
        switch self {
        case .minio: ["server", Self.folder]
        case .versitygw:
            ["--port", ":\(Self.port)", "--region", Self.region, "--health", "/health", "posix", Self.folder]
        }
    }

    /// The names of the variables with the two halves of the credentials.
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

    /// The path of the readiness probe. MinIO answers 200 at `ready` while its objects are not available yet.
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

    /// The file that the server creates in its folder before a bucket can be created next to it; nil when a bucket is
    /// only a folder.
    public var formatFile: String? {
        switch self {
        case .minio: ".minio.sys/format.json"
        case .versitygw: nil
        }
    }
}
