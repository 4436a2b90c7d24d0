// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage
import Testing

@testable import Kecs

/// The name of KECS's own database is no way to find an instance's state.
@Suite struct DatabaseNameTests {
    /// What KECS's layout is, and where a database of its own is made.
    private static let allowed: Set<String> = [
        "Kecs/InstanceFolder.swift",
        // A lock that KECS's guide puts beside its database, and what the health answer of KECS looks like.
        "KecsDoctor/Locks/ForeignLockCheck.swift", "KecsRuntimes/Docker/ControlPlaneHealth.swift",
        // KECS's own Deployment and entrypoint.
        "KecsRuntimes/Render/Rendering+Kubernetes.swift",
    ]

    private func sources() throws -> [(name: String, text: String)] {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
            .removingLastComponent().appending("Sources")
        var found: [(String, String)] = []
        var waiting = [root]
        while let folder = waiting.popLast() {
            for entry in try folder.entries() {
                let path = folder.appending(entry)
                if try path.isFolder { waiting.append(path) }
                guard entry.string.hasSuffix(".swift") else { continue }
                let name = path.components.dropFirst(root.components.count).map(\.string).joined(
                    separator: "/")
                found.append((name, String(decoding: try path.contents(), as: UTF8.self)))
            }
        }
        return found
    }

    @Test func `kecs.db is spelled only where KECS's own layout is described`() throws {
        let all = try sources()
        #expect(all.count > 300)
        for (name, text) in all
        where text.contains("kecs.db") && !Self.allowed.contains(name) {
            // Examples in help texts and comments are no code.
            let lines = text.split(separator: "\n").filter { line in
                line.contains("kecs.db") && !line.drop { $0 == " " }.hasPrefix("//")
                    && !line.contains(".init(\"kecsctl")
            }
            #expect(lines.isEmpty, "\(name): \(lines.joined(separator: " | "))")
        }
    }
}
