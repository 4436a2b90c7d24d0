// SPDX-License-Identifier: Apache-2.0
import SystemPackage

/// The facts in `/proc` about a running process, next to its identity.
public struct ProcessFacts: Hashable, Sendable {
    /// The user that it acts as, with the group.
    public var user: UInt32
    public var group: UInt32
    /// The environment that it was started with; nil when this user may not see it.
    public var environment: [String: String]?
}

extension ProcessIdentity {
    /// - Returns: Nil when it is gone.
    public func facts() throws -> ProcessFacts? {
        let folder = FilePath("/proc/\(pid)")
        guard let status = try FileStatus.of(folder), isAlive else { return nil }
        var facts = ProcessFacts(user: status.owner, group: status.group)
        do {
            var variables: [String: String] = [:]
            for line in try folder.appending("environ").contents(limit: 8 << 20).split(separator: 0) {
                guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
                variables[String(decoding: line[..<equals], as: UTF8.self)] =
                    String(decoding: line[line.index(after: equals)...], as: UTF8.self)
            }
            facts.environment = variables
        } catch let error as FileError
            where [.permissionDenied, .notPermitted, .noSuchFileOrDirectory, .noSuchProcess].contains(
                error.errno)
        {
            // Another user's, or gone meanwhile.
        }
        return facts
    }
}
