// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import kecsctl

/// Settings that mean nothing, or not what was meant.
@Suite struct SettingsCommandTests {
    private let folder: TestFolder
    private var home: FilePath { folder.path.appending("home") }

    init() async throws {
        folder = try TestFolder()
        #expect(try await folder.kecsctl("start", "dev", "--runtime", "local").status == 0)
    }

    /// Writes into the instance's file what no command would.
    private func edit(_ change: (inout [String: JSONValue]) -> Void) throws {
        let file = home.appending("instances/dev/config.json")
        var config = try #require(try JSONFile.read(JSONValue.self, from: file).object)
        var settings = config["settings"]?.object ?? [:]
        change(&settings)
        config["settings"] = .object(settings)
        try JSONFile.write(JSONValue.object(config), to: file)
    }

    @Test func `an unknown setting is an error that names it and the nearest one, until it is taken out`()
        async throws
    {
        try home.appending("kecsctl.json").replaceContents(Array(#"{"kep": 3}"#.utf8))
        for words in [["backup", "dev"], ["config", "show"], ["backups", "prune", "dev"]] {
            let caught = try await folder.kecsctl(words)
            #expect(caught.status == 64, "\(words)")
            #expect(
                caught.errors.contains("a setting “kep” that does not exist")
                    && caught.errors.contains("the nearest is “keep”")
                    && caught.errors.contains("try:     kecsctl config set kep --unset"), "\(caught.errors)")
        }
        let check = try await folder.kecsctl("config", "check")
        #expect(check.status == 64 && check.output.contains("“kep”"), "\(check.output)")
        #expect(try await folder.kecsctl("config", "set", "kep", "--unset").status == 0)
        #expect(try await folder.kecsctl("config", "check").status == 0)
        #expect(try await folder.kecsctl("backup", "dev").status == 0)
    }

    @Test func `get prints one value alone, with its origin where that is asked for`() async throws {
        #expect(try await folder.kecsctl("config", "get", "keep").output == "5\n")
        #expect(try await folder.kecsctl("config", "set", "keep", "9", "--instance", "dev").status == 0)
        let own = try await folder.kecsctl("config", "get", "keep", "dev", "--origin")
        #expect(own.output == "9  \(home)/instances/dev/config.json\n", "\(own)")
        #expect(try await folder.kecsctl("config", "get", "runtime", "dev").output == "local\n")
        let json = try await folder.kecsctl("config", "get", "keep", "dev", "-o", "json")
        let document = try JSONFile.decode(JSONValue.self, from: Array(json.output.utf8), at: "stdout")
        let item = try #require(document["items"]?.array?.first)
        #expect(item["value"] == .integer(9))
        #expect(item["origin"]?.string == "\(home)/instances/dev/config.json")
        // A script must not go on with nothing.
        let unset = try await folder.kecsctl("config", "get", "keepWithin")
        #expect(unset.status == 10 && unset.output.isEmpty, "\(unset)")
        #expect(unset.errors.contains("kecsctl config show --origin"), "\(unset.errors)")
        let unknown = try await folder.kecsctl("config", "get", "kep")
        #expect(unknown.status == 64 && unknown.errors.contains("the nearest is “keep”"), "\(unknown)")
    }

    @Test func `the same in an instance's own file, and every problem is listed at once`() async throws {
        try edit {
            $0["webhok"] = "x"
            $0["keep"] = "many"
        }
        let caught = try await folder.kecsctl("backup", "dev")
        #expect(caught.status == 64 && caught.errors.contains("webhok"))
        #expect(caught.errors.contains("kecsctl config set webhok --unset --instance dev"))
        let check = try await folder.kecsctl("config", "check")
        #expect(check.status == 64 && check.output.contains("webhok") && check.output.contains("“many”"))
        #expect(
            try await folder.kecsctl("config", "set", "webhok", "--unset", "--instance", "dev").status == 0)
        #expect(try await !folder.kecsctl("config", "check").output.contains("webhok"))
    }

    @Test(arguments: [
        ("diskPercent", "120"), ("dataLimit", "much"), ("databaseLimit", "0"), ("startLimit", "120"),
        ("healthUrl", "https://localhost/health"), ("healthUrl", "http://example.org/"), ("keep", "0"),
        ("drillAge", "soon"),
    ])
    func `a value that makes no sense is refused`(key: String, value: String) async throws {
        let caught = try await folder.kecsctl("config", "set", key, value)
        #expect(caught.status == 64 && caught.errors.contains("“\(value)” is no value for \(key)"))
    }

    @Test func `limits are settings`() async throws {
        for (key, value) in [
            ("diskPercent", "95"), ("dataLimit", "1k"), ("databaseLimit", "20GiB"), ("startLimit", "5m"),
        ] {
            #expect(try await folder.kecsctl("config", "set", key, value).status == 0, "\(key)")
        }
        let doctor = try await folder.kecsctl("doctor", "dev", "--check", "data.size")
        #expect(doctor.output.contains("more than 1.0 kB"), "\(doctor.output)")
        #expect(
            !(try await folder.kecsctl("doctor", "dev", "--check", "db.size").output).contains("more than"))
    }

    @Test func `a health address that cannot be asked is refused at once, not polled to the limit`()
        async throws
    {
        let caught = try await folder.kecsctl(
            "start", "dev", "--command", "sleep 60", "--health-url", "https://localhost/")
        #expect(caught.status == 64 && caught.errors.contains("http://HOST:PORT/PATH"), "\(caught.errors)")
    }

    @Test func `a file is no data folder, and neither is one that holds the home`() async throws {
        let file = folder.path.appending("file")
        try file.replaceContents([1])
        let set = try await folder.kecsctl("config", "set", "dataDir", file.string, "--instance", "dev")
        #expect(set.status == 64 && set.errors.contains("is no folder"))
        let around = try await folder.kecsctl(
            "start", "two", "--runtime", "local", "--data-dir", folder.path.string)
        #expect(
            around.status == 64 && around.errors.contains("contains kecsctl's own home"), "\(around.errors)")
        #expect(try !home.appending("instances/two").isPresent)
    }

    @Test func `a backup of an instance whose data folder holds the home says so`() async throws {
        try edit { $0["dataDir"] = .string(folder.path.string) }
        let caught = try await folder.kecsctl("backup", "dev")
        #expect(
            caught.status == 64 && caught.errors.contains("contains kecsctl's own home"), "\(caught.errors)")
        #expect(
            try await folder.kecsctl("config", "set", "dataDir", "--unset", "--instance", "dev").status == 0)
        #expect(try await folder.kecsctl("backup", "dev").status == 0)
    }

    @Test func `a socket in the data is no reason for a word`() async throws {
        let socket = home.appending("instances/dev/data/server.sock")
        let listener = try Listener(socket)
        defer { listener.close() }
        let caught = try await folder.kecsctl("backup", "dev", "--quiet")
        #expect(caught.status == 0 && caught.errors == "" && caught.output == "")
    }

    @Test func `a profile sets what happens to clusters, for one instance and for all`() async throws {
        func values(_ words: [String]) async throws -> [String] {
            let caught = try await folder.kecsctl(words + ["-o", "json"])
            #expect(caught.status == 0, "\(caught.errors)")
            let document = try JSONFile.decode(JSONValue.self, from: Array(caught.output.utf8), at: "stdout")
            return (document["items"]?.array ?? []).filter {
                ["autoRecoverState", "keepClustersOnShutdown"].contains($0["key"]?.string)
            }.compactMap { item in item["value"].map { "\(item["key"]?.string ?? ""): \($0)" } }
        }
        let usual = try await values(["config", "show", "dev"])
        let plan = try await values(["config", "profile", "dev", "--instance", "dev", "--dry-run"])
        #expect(try await values(["config", "show", "dev"]) == usual)
        let set = try await values(["config", "profile", "dev", "--instance", "dev"])
        #expect(set == plan && set.count == 2)
        #expect(Set(try await values(["config", "show", "dev"])) == Set(set))
        #expect(Set(set) != Set(usual))
        let prod = try await values(["config", "profile", "prod"])
        #expect(Set(prod) == Set(usual))
        // What an instance has of its own stays.
        #expect(Set(try await values(["config", "show", "dev"])) == Set(set))
    }
}
