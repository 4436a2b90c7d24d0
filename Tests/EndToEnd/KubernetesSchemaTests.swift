// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// Our manifests, compared with the JSON schemas of the Kubernetes that we pin, by somebody else's program.
@Suite struct KubernetesSchemaTests {
    /// Of `OwnCluster.defaultImage`, rancher/k3s:v1.31.4-k3s1, and the newest that the package has: clusters that are not
    /// ours, and those of the next release.
    static let versions = ["1.31", "newest"]

    private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    /// - Returns: What the tool printed, and its status.
    private func compare(
        _ files: [FilePath], _ version: String = "1.31"
    ) async throws -> (text: String, status: Int32) {
        var call = ProcessCall(
            Self.root.appending("scripts/python").string,
            [
                Self.root.appending("Tests/Tools/kubernetes-schemas").string, "--definitions",
                Self.root.appending("Sources/KecsVelero/Definitions").string, version,
            ] + files.map(\.string))
        // With the packages still to be fetched.
        call.limit = .seconds(300)
        let environment = ["HOME": "/root", "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        let result = try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(
            call)
        if result.end == .exited(77) { try Test.cancel("\(result.errorText)") }
        let status: Int32 = if case .exited(let code) = result.end { code } else { -1 }
        return (result.outputText + result.errorText, status)
    }

    @Test(arguments: versions)
    func `what a recovery applies and what the control plane is made of is known to the API`(
        version: String
    ) async throws {
        let golden = Self.root.appending("Tests/Fixtures/kecs/golden")
        let files = try golden.entries().map { golden.appending($0) }
        let (text, status) = try await compare(files, version)
        #expect(status == 0, "\(text)")
        #expect(version != "newest" || !text.contains("by the schemas of 1.31"), "\(text)")
        // Of all files: a new one is looked at without being named here.
        #expect(Int(text.prefix { $0.isNumber }) ?? 0 >= 26, "\(text)")
    }

    @Test func `what the stand-in of kubectl validates by is what Kubernetes publishes`() async throws {
        var call = ProcessCall(
            Self.root.appending("scripts/python").string,
            [Self.root.appending("Tests/Tools/kubernetes-table").string, "1.31"])
        call.limit = .seconds(300)
        let environment = ["HOME": "/root", "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        let result = try await SystemProcesses(environment: environment, cancellation: Cancellation()).run(
            call)
        if result.end == .exited(77) { try Test.cancel("\(result.errorText)") }
        #expect(result.succeeded, "\(result.errorText)")
        let table = Self.root.appending("Tests/Fixtures/kubernetes/api-1.31.json")
        #expect(try table.contents() == result.output)
    }

    @Test func `what render prints is known to the API`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let answer = try await kecsctl("render", "kubernetes", "dev")
            #expect(answer.status == 0, "\(answer.errors)")
            let file = root.appending("rendered.yaml")
            try file.replaceContents(Array(answer.output.utf8))
            let (text, status) = try await compare([file])
            #expect(status == 0, "\(text)")
        }
    }

    @Test(arguments: versions)
    func `Velero with everything that it can have is known to the API and to its definitions`(
        version: String
    ) async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            var files: [FilePath] = []
            for (name, settings) in [
                ("scoped", [:]),
                ("admin", ["veleroRights": "admin", "veleroVolumes": "true", "objectStore": "versitygw"]),
            ] {
                for (key, value) in settings {
                    let answer = try await kecsctl("config", "set", key, value, "--instance", "dev")
                    #expect(answer.status == 0, "\(answer.errors)")
                }
                for form in ["velero", "minio"] {
                    let answer = try await kecsctl("render", form, "dev")
                    #expect(answer.status == 0, "\(answer.errors)")
                    let file = root.appending("\(name)-\(form).yaml")
                    try file.replaceContents(Array(answer.output.utf8))
                    files.append(file)
                }
            }
            let samples = Self.root.appending("Tests/Fixtures/velero/objects")
            for kind in try samples.entries() {
                files += try samples.appending(kind).entries().map { samples.appending(kind).appending($0) }
            }
            let (text, status) = try await compare(files, version)
            #expect(status == 0, "\(text)")
            // 13 definitions twice, and the objects.
            #expect(Int(text.split(separator: "\n").last?.prefix { $0.isNumber } ?? "") ?? 0 >= 50, "\(text)")
        }
    }

    @Test func `a member that a definition of Velero does not know is found`() async throws {
        try await withTemporaryFolder { root in
            let file = root.appending("wrong.json")
            let text =
                #"{"apiVersion":"velero.io/v1","kind":"BackupStorageLocation","metadata":{"name":"x"},"spec":{"provider":"aws","objectStorage":{"bukket":"x"}}}"#
            try file.replaceContents(Array(text.utf8))
            let (answer, status) = try await compare([file])
            #expect(status == 1)
            #expect(answer.contains("'bukket' was unexpected"), "\(answer)")
        }
    }

    @Test func `a member that the API does not know is found`() async throws {
        try await withTemporaryFolder { root in
            let file = root.appending("wrong.json")
            let text = #"{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"prots":[]}}"#
            try file.replaceContents(Array(text.utf8))
            let (answer, status) = try await compare([file])
            #expect(status == 1)
            #expect(answer.contains("'prots' was unexpected"), "\(answer)")
        }
    }
}
