// SPDX-License-Identifier: Apache-2.0
import Kecs
import KecsSystem
import SystemPackage
import Testing

@Suite struct SettingsTests {
    private func ofAll(_ environment: [String: String]) -> Settings {
        Settings(environment: environment, home: ([:], "/h/kecsctl.json"))
    }

    private func settings(
        flags: [SettingKey: String] = [:], environment: [String: String] = [:],
        instance: [String: JSONValue] = [:], home: [String: JSONValue] = [:]
    ) -> Settings {
        Settings(
            flags: flags, environment: environment, instance: (instance, "/h/instances/dev/config.json"),
            home: (home, "/h/kecsctl.json"))
    }

    @Test func `flag, environment, instance, home, default: the first that is set wins and is named`() throws
    {
        var given = settings(
            flags: [.keep: "1"], environment: ["KECSCTL_KEEP": "2"], instance: ["keep": .integer(3)],
            home: ["keep": .integer(4)])
        var seen: [String] = []
        for _ in 0..<5 {
            let setting = try given.setting(.keep)
            guard case .integer(let value) = setting.value else { break }
            seen.append("\(value) \(setting.origin)")
            if given.flags[.keep] != nil {
                given.flags = [:]
            } else if !given.environment.isEmpty {
                given.environment = [:]
            } else if given.instance != nil {
                given.instance = nil
            } else {
                given.home = nil
            }
        }
        #expect(
            seen == [
                "1 flag", "2 env KECSCTL_KEEP", "3 /h/instances/dev/config.json", "4 /h/kecsctl.json",
                "5 default",
            ])
    }

    @Test func `KECS's own names count, ours win`() throws {
        let both = ofAll(["KECS_DATA_DIR": "/x", "KECSCTL_DATA_DIR": "/y"])
        #expect(try both.text(.dataDir) == "/y")
        let own = try ofAll(["KECS_DATA_DIR": "/x"]).setting(.dataDir)
        #expect(own.value == .string("/x"))
        #expect(own.origin.description == "env KECS_DATA_DIR")
    }

    @Test func `container mode moves the default data folder, and nothing else`() throws {
        #expect(try ofAll(["KECS_CONTAINER_MODE": "true"]).text(.dataDir) == "/data")
        #expect(try ofAll(["KECS_CONTAINER_MODE": "1", "KECS_DATA_DIR": "/x"]).text(.dataDir) == "/x")
        #expect(try ofAll(["KECS_CONTAINER_MODE": "no"]).text(.dataDir) == nil)
        // Of an instance that is there, what was recorded holds.
        #expect(try settings(environment: ["KECS_DATA_DIR": "/x"]).text(.dataDir) == nil)
        #expect(try settings(instance: ["containerMode": true]).text(.dataDir) == "/data")
    }

    @Test(arguments: [
        (SettingKey.autoRecoverState, "KECS_AUTO_RECOVER_STATE", "maybe"),
        (.apiPort, "KECSCTL_API_PORT", "70000"),
        (.keepWithin, "KECSCTL_KEEP_WITHIN", "7"), (.compression, "KECSCTL_COMPRESSION", "best"),
        (.keep, "KECSCTL_KEEP", "-1"),
    ])
    func `a value that cannot be read is an error that names the variable, and never falls through`(
        key: SettingKey, variable: String, value: String
    ) {
        let error = #expect(throws: Failure.self) {
            try settings(environment: [variable: value], home: [key.rawValue: .integer(1)]).setting(key)
        }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains(variable) == true)
    }

    @Test(arguments: ["true", "1", "yes", "TRUE"])
    func `the ways to say yes`(text: String) throws {
        #expect(try settings(environment: ["KECS_AUTO_RECOVER_STATE": text]).flag(.autoRecoverState))
    }
}
