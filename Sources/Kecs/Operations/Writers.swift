// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// Finds out whether a process could be writing to a part, for facts that time stamps prove only without a writer.
enum Writers {
    /// Returns true when a process could be writing.
    ///
    /// - Parameter isRunning: True when the instance's own server runs: then a process that cannot be examined may be
    ///   it.
    static func mayWrite(below places: [FilePath], isRunning: Bool) -> Bool {
        do {
            let found = try FileHolders.below(places, locks: false)
            return found.holders.contains(where: \.mayWrite)
                || isRunning && (!found.unseen.isEmpty || found.gap != nil)
        } catch {
            // Without an answer nothing is proved.
            return true
        }
    }

    /// Returns the files that a process may be writing to, as paths below the root; nil when any may be.
    ///
    /// - Parameter isRunning: As for `mayWrite`.
    static func writtenFiles(below root: FilePath, isRunning: Bool) -> Set<[UInt8]>? {
        do {
            // The search knows the place without links on its way.
            let real = try root.realPath()
            guard let written = try FileHolders.written(below: [real]) else { return isRunning ? nil : [] }
            let prefix = real.bytes + [UInt8(ascii: "/")]
            return Set(
                written.map(\.bytes).filter { $0.starts(with: prefix) }.map {
                    Array($0.dropFirst(prefix.count))
                }
            )
        } catch {
            // Without an answer nothing is proved.
            return nil
        }
    }

    /// Returns a process that has a file open for writing: "3812 (app --serve)".
    static func writer(of file: FilePath) -> String? {
        let found = try? FileHolders.below([file], locks: false)
        return found?.holders.first(where: \.mayWrite).map { "\($0.pid) (\($0.command))" }
    }
}
