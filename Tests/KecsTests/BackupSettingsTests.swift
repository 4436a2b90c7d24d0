// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

/// Which settings an instance's backups are treated by: with the wrong ones too many of them would go.
@Suite struct BackupSettingsTests {
    @Test func `the home's settings stand in for a broken instance, not for one that cannot be read`() throws
    {
        try withTemporaryFolder { folder in
            let site = Site(
                machine: Machine(environment: ["HOME": folder.string], processes: ScriptedProcesses([])),
                home: Home(folder.appending("home")), tool: Manifest.Tool(name: "kecsctl", version: "0.1"),
                threads: 1
            ) { _ in throw Failure(.failed, "nothing is run here") }
            let name = try InstanceName(checking: "dev")
            let place = site.home.folder(of: name)
            func keep() throws -> Int? { try site.settings(ofBackupsOf: name).number(.keep) }
            try place.path.createFolder()
            try JSONFile.write(["keep": JSONValue.integer(3)], to: site.home.settings)
            #expect(try keep() == 3)
            var config = InstanceConfig(
                name: name, id: "id", createdAt: site.machine.clock.now(), runtime: .local)
            config.settings["keep"] = 9
            try config.write(to: place.config)
            #expect(try keep() == 9)
            try place.config.replaceContents(Array("{".utf8))
            #expect(try keep() == 3)
            // What cannot be read: root may read any file.
            try place.config.remove()
            try place.config.createFolder()
            #expect(throws: FileError.self) { try keep() }
        }
    }
}
