// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let executable: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]
/// Not optimized in the tests' build, which optimizes everything else (`scripts/build-debug`): the compiler is done in a
/// quarter of the time. What works on bytes, and swift-system, is optimized there. A frontend's flag, as it comes behind `-O`.
let quick: [SwiftSetting] = [
    .unsafeFlags(["-Xfrontend", "-Onone"], .when(configuration: .debug))
]
/// Release builds are made with `-Xswiftc -Osize` (Makefile), for all packages; a frontend's flag comes behind it. Compressing,
/// walking and copying databases stay fast.
let fast: [SwiftSetting] = [.unsafeFlags(["-Xfrontend", "-O"], .when(configuration: .release))]
/// A tenth less to install: nothing is loaded into the program, so no symbol of it needs a name at run time; relative
/// relocations are packed (glibc 2.36: Debian 12); the index of `.eh_frame` is only for exceptions of C++, which are never
/// thrown here: debuggers read `.eh_frame` itself.
let small: [LinkerSetting] = [
    .unsafeFlags(
        ["-use-ld=lld"]
            + ["--no-export-dynamic", "-z", "pack-relative-relocs", "--no-eh-frame-hdr"].flatMap {
                ["-Xlinker", $0]
            }, .when(configuration: .release))
]
let tests = executable + quick
/// In the executable `InternalImportsByDefault` forbids conforming our types to
/// `ExpressibleByArgument`, so only the libraries have it.
let library = executable + [.enableUpcomingFeature("InternalImportsByDefault")]

/// Sources/KecsState/Migrations/UpstreamHistory.swift names the same.
let schemaHistory = [
    "20250531_first",
    "20250608_cluster_settings",
    "20250612_clusters_text",
    "20250614_task_sets",
    "20250623_k8s_cluster_name",
    "20250629_localstack_state",
    "20250714_elbv2",
    "20250715_load_balancer_arns",
    "20250817_task_service_registries",
    "20250820_deployment_controller",
    "20250821_task_logs",
    "20250902_unique_pods",
    "20250926_node_ports",
    "20251001_strict",
]

/// Sources/KecsVelero/Install/VeleroDefinitions.swift names the same.
let veleroDefinitions = [
    "backuprepositories", "backups", "backupstoragelocations", "datadownloads", "datauploads",
    "deletebackuprequests", "downloadrequests", "podvolumebackups", "podvolumerestores", "restores",
    "schedules", "serverstatusrequests", "volumesnapshotlocations",
]

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "kecsctl",
    products: [.executable(name: "kecsctl", targets: ["kecsctl"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(
            url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CIgzip"),
        .systemLibrary(name: "CDeflate"),
        .systemLibrary(name: "CCrypto"),
        .systemLibrary(name: "CYAML"),
        .target(name: "CLinux"),
        // The archives by name: none of these libraries shall be needed where the program runs.
        .target(
            name: "CArchive",
            linkerSettings: ["archive", "lzma", "zstd", "lz4", "bz2", "z", "nettle"].map {
                .linkedLibrary(":lib\($0).a")
            }),
        .target(name: "CHashes"),
        .target(name: "CSQLiteFiles", dependencies: ["CSQLite"]),
        .target(
            name: "KecsSystem",
            dependencies: [
                "CLinux", "CCrypto", system, log,
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: library
        ),
        .target(
            name: "KecsArchive",
            dependencies: [
                "KecsSystem", "CLinux", "CIgzip", "CDeflate", "CArchive", system,
            ],
            swiftSettings: library + fast
        ),
        .target(
            name: "KecsSQLite",
            dependencies: ["KecsSystem", "CLinux", "CSQLite", "CSQLiteFiles", "CCrypto", system],
            swiftSettings: library + fast
        ),
        .target(
            name: "KecsBackups", dependencies: ["KecsArchive", "KecsSystem", system], swiftSettings: library
        ),
        .target(
            name: "KecsState",
            dependencies: ["KecsSQLite", "KecsSystem"],
            resources: (["0001_initial"] + schemaHistory).map { .embedInCode("Schema/\($0).sql") },
            swiftSettings: library + quick
        ),
        .target(
            name: "Kecs", dependencies: ["KecsState", "KecsBackups"], swiftSettings: library + quick
        ),
        .target(name: "KecsDoctor", dependencies: ["Kecs"], swiftSettings: library + quick),
        .target(
            name: "KecsVelero",
            dependencies: ["KecsArchive", "KecsSystem", "CHashes", "CLinux", "CCrypto", system],
            exclude: ["Definitions/README.md"],
            resources: veleroDefinitions.map { .embedInCode("Definitions/velero.io_\($0).yaml") },
            swiftSettings: library + quick),
        .target(
            name: "KecsRuntimes", dependencies: ["KecsDoctor", "KecsVelero", "CYAML"],
            swiftSettings: library + quick),
        .executableTarget(
            name: "kecsctl",
            dependencies: [
                "KecsRuntimes", "KecsVelero", system, log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: executable + quick,
            linkerSettings: small
        ),
        .executableTarget(
            name: "archive-bench", dependencies: ["KecsArchive", "KecsSystem", system],
            path: "Benchmarks/Archive", swiftSettings: executable),
        .executableTarget(
            name: "recovery-bench", dependencies: ["KecsState", "KecsSQLite", "KecsSystem", system],
            path: "Benchmarks/Recovery", swiftSettings: executable),
        // k3d, kubectl and docker as they were recorded, for the contract tests.
        .executableTarget(
            name: "standin", dependencies: ["KecsArchive", "KecsVelero", "CHashes"], path: "Tests/StandIn",
            swiftSettings: library + quick),
        .target(
            name: "KecsTesting", dependencies: ["KecsRuntimes"], path: "Tests/Support",
            swiftSettings: library + quick),
        .testTarget(
            name: "KecsSystemTests",
            dependencies: ["KecsSystem", "KecsTesting"], swiftSettings: tests),
        .testTarget(
            name: "KecsArchiveTests", dependencies: ["KecsArchive", "KecsTesting"],
            swiftSettings: tests),
        .testTarget(
            name: "KecsSQLiteTests", dependencies: ["KecsSQLite", "KecsTesting"], swiftSettings: tests),
        .testTarget(
            name: "KecsBackupsTests", dependencies: ["KecsBackups", "KecsTesting"], swiftSettings: tests),
        .testTarget(
            name: "KecsVeleroTests",
            dependencies: [
                "kecsctl", "KecsVelero", "KecsArchive", "KecsSystem", "KecsTesting", "CHashes", "CLinux",
            ],
            swiftSettings: tests),
        .testTarget(
            name: "KecsRuntimesTests",
            dependencies: ["kecsctl", "KecsRuntimes", "KecsTesting", "standin"], swiftSettings: tests),
        .testTarget(
            name: "KecsStateTests", dependencies: ["KecsState", "KecsTesting"], swiftSettings: tests),
        .testTarget(
            name: "KecsTests", dependencies: ["kecsctl", "KecsRuntimes", "KecsTesting"],
            swiftSettings: tests),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "kecsctl", "standin", "CLinux", "KecsRuntimes", "KecsTesting",
            ],
            path: "Tests/EndToEnd",
            swiftSettings: tests),
        .testTarget(
            name: "FuzzTests",
            dependencies: ["Kecs", "KecsRuntimes", "KecsSystem", "KecsTesting"],
            path: "Tests/Fuzz", exclude: ["Corpus"], swiftSettings: tests),
        .testTarget(
            name: "DockerTests",
            dependencies: ["kecsctl", "standin", "KecsSQLite", "KecsBackups", "KecsArchive", "KecsTesting"],
            swiftSettings: tests),
        .testTarget(
            name: "KecsctlTests",
            dependencies: ["kecsctl", "KecsTesting"], swiftSettings: tests),
    ],
    swiftLanguageModes: [.v6]
)
