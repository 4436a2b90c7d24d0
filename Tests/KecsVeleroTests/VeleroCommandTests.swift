// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// The commands on Velero's backups, as people and scripts call them: nothing but files is there.
@Suite struct VeleroCommandTests {
    private static let folder = Sample.folder.string

    private func items(_ answer: Shell.Answer) throws -> [JSONValue] {
        let document = try JSONValue(parsing: answer.output)
        return try #require(document["items"]?.array, "\(answer.output) \(answer.errors)")
    }

    @Test func `verify tells the seven backups of a folder apart, with 3 for all and 13 for a damaged one`()
        async throws
    {
        try await withTemporaryFolder { home in
            let answer = try await Shell.kecsctl(
                home, "backups", "verify", "--all", "--folder", Self.folder, "-o", "json")
            #expect(answer.status == 3, "\(answer.errors)")
            let items = try items(answer)
            #expect(
                items.map { "\($0["name"]?.string ?? "") \($0["verdict"]?.string ?? "")" } == [
                    "\(Sample.good) restorable", "\(Sample.partial) restorable with errors",
                    "\(Sample.finalizing) damaged", "\(Sample.noTarball) damaged",
                    "\(Sample.noMetadata) not a backup", "\(Sample.flipped) damaged",
                    "\(Sample.goodWithPart) restorable",
                ])
            #expect(items.allSatisfy { $0["checked"]?.string == "blocks" })

            for (name, status): (String, Int32) in [
                (Sample.good, 0), (Sample.partial, 0), (Sample.flipped, 13), (Sample.noMetadata, 10),
                ("nothing-of-the-kind", 10), ("stop-dev", 64),
            ] {
                let one = try await Shell.kecsctl(
                    home, "backups", "verify", "velero:\(name)", "--folder", Self.folder)
                #expect(one.status == status, "\(name): \(one.errors)")
            }
        }
    }

    @Test func `list and show say what can be restored, and that a list reads no tarball`() async throws {
        try await withTemporaryFolder { home in
            let list = try await Shell.kecsctl(home, "backups", "list", "--folder", Self.folder)
            #expect(list.status == 0, "\(list.errors)")
            #expect(list.output.contains("restorable (not verified)"), "\(list.output)")
            #expect(list.output.contains("phase Finalizing"), "\(list.output)")
            let names = try await Shell.kecsctl(
                home, "backups", "list", "--folder", Self.folder, "-o", "name")
            #expect(names.output.split(separator: "\n").first.map(String.init) == Sample.goodWithPart)

            let show = try await Shell.kecsctl(
                home, "backups", "show", "velero:\(Sample.partial)", "--folder", Self.folder)
            #expect(show.status == 0, "\(show.errors)")
            #expect(show.output.contains("web-us-east-1: error executing custom action"), "\(show.output)")
            #expect(show.output.contains("PartiallyFailed"), "\(show.output)")

            let bucket = try await Shell.kecsctl(
                home, "backups", "list", "--folder", Self.folder, "--bucket", "nope")
            #expect(bucket.status == 10 && bucket.errors.contains("there are: velero"), "\(bucket.errors)")
        }
    }

    @Test func `ls and cat read objects and the files of the tarball, and diff compares two`() async throws {
        try await withTemporaryFolder { home in
            let all = try await Shell.kecsctl(
                home, "backups", "ls", "velero:latest", "--folder", Self.folder, "-o", "json")
            let paths = try items(all).compactMap { $0["path"]?.string }
            #expect(paths.contains("velero-backup.json") && paths.contains("metadata/version"))
            let some = try await Shell.kecsctl(
                home, "backups", "ls", "velero:\(Sample.good)", "resources/pods/", "--folder", Self.folder,
                "-o", "name")
            #expect(!some.output.isEmpty)
            #expect(some.output.split(separator: "\n").allSatisfy { $0.hasPrefix("resources/pods/") })

            func cat(_ path: String) async throws -> Shell.Answer {
                try await Shell.kecsctl(
                    home, "backups", "cat", "velero:\(Sample.good)", path, "--folder", Self.folder)
            }
            #expect(try await cat("metadata/version").output == "1.1.0")
            let pod = try await cat("resources/pods/namespaces/kecs-system/pods-0000.json")
            #expect(try JSONValue(parsing: pod.output)["kind"] != nil, "\(pod.errors)")
            let json = try await cat("velero-backup.json")
            #expect(try JSONValue(parsing: json.output)["metadata"]?["name"]?.string == Sample.good)
            #expect(try JSONValue(parsing: try await cat("results").output)["errors"] != nil)
            let missing = try await cat("resources/nothing.json")
            #expect(missing.status == 10 && missing.output.isEmpty, "\(missing.errors)")
            let outside = try await cat("../../../../etc/passwd")
            #expect(outside.status == 10 && outside.output.isEmpty, "\(outside.errors)")
            // Nothing of a block that its checksum does not confirm.
            let damaged = try await Shell.kecsctl(
                home, "backups", "cat", "velero:\(Sample.flipped)", "\(Sample.flipped).tar.gz", "--folder",
                Self.folder)
            #expect(damaged.status == 13 && damaged.output.isEmpty, "\(damaged.errors)")

            let diff = try await Shell.kecsctl(
                home, "backups", "diff", "velero:\(Sample.good)", "velero:\(Sample.good)", "--folder",
                Self.folder, "-o", "json")
            #expect(try items(diff).isEmpty, "\(diff.output)")
            let other = try await Shell.kecsctl(
                home, "backups", "diff", "velero:\(Sample.good)", "velero:\(Sample.partial)", "--folder",
                Self.folder, "-o", "json")
            #expect(other.status == 0, "\(other.errors)")
            #expect(try items(other).first?["files"]?.array?.isEmpty == false, "\(other.output)")
        }
    }

    @Test func `an instance's own minio-data is where its backups are looked for`() async throws {
        try await withTemporaryFolder { root in
            let home = root.appending("home")
            try home.createFolder()
            for name in ["dev", "prod", "bare"] {
                let start = try await Shell.kecsctl(home, "start", name, "--runtime", "local")
                #expect(start.status == 0, "\(start.errors)")
            }
            for name in ["dev", "prod"] {
                let backup =
                    name == "dev" ? [Sample.good, Sample.partial] : [Sample.good, Sample.goodWithPart]
                for one in backup {
                    try Sample.copyTree(
                        Sample.folder.appending("velero/backups/\(one)"),
                        home.appending("instances/\(name)/minio-data/velero/backups/\(one)"))
                }
            }
            let all = try await Shell.kecsctl(home, "backups", "list", "--velero", "-o", "json")
            #expect(
                try items(all).map { $0["instance"]?.string } == ["dev", "dev", "prod", "prod"],
                "\(all.errors)")
            let bare = try await Shell.kecsctl(home, "backups", "list", "--velero", "bare")
            #expect(bare.status == 0 && bare.output.isEmpty, "\(bare.errors)")
            let unknown = try await Shell.kecsctl(home, "backups", "list", "--velero", "nope")
            #expect(unknown.status == 10)
            // A name in two instances is asked back; with the instance it is one.
            let two = try await Shell.kecsctl(home, "backups", "show", "velero:\(Sample.good)")
            #expect(two.status == 64 && two.errors.contains("velero:dev/\(Sample.good)"), "\(two.errors)")
            let one = try await Shell.kecsctl(home, "backups", "show", "velero:dev/\(Sample.good)")
            #expect(one.status == 0, "\(one.errors)")
            let latest = try await Shell.kecsctl(
                home, "backups", "show", "velero:latest", "--instance", "prod", "-o", "name")
            #expect(latest.output == "\(Sample.goodWithPart)\n", "\(latest.errors)")
            let verify = try await Shell.kecsctl(home, "backups", "verify", "--velero", "--all", "--quiet")
            #expect(verify.status == 0, "\(verify.errors)")
        }
    }

    @Test(arguments: [
        ["diff", "velero:a"], ["diff", "velero:a", "latest"], ["verify", "velero:a", "latest"],
        ["verify", "--velero", "velero:a"], ["show", "latest", "--folder", "/x"],
        ["list", "--bucket", "x"], ["list", "--velero", "--bucket", "../x"],
        ["cat", "latest", "x", "--folder", "/x"],
    ])
    func `what makes no sense together is refused with 64`(words: [String]) async throws {
        try await withTemporaryFolder { home in
            let answer = try await Shell.kecsctl(home, ["backups"] + words)
            #expect(answer.status == 64, "\(words): \(answer.errors)")
        }
    }
}
