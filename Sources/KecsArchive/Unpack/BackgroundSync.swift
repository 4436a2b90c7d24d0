// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import Synchronization
import SystemPackage

/// Lets the device write what waits for it in a file system, on a thread of its own. Nothing stops it; one that nobody waits
/// for ends by itself.
final class BackgroundSync {
    private final class Result: Sendable {
        /// Of `syncfs`, 0 for success; nil while it runs.
        let code = Mutex<CInt?>(nil)
    }

    private let path: FilePath
    private let result = Result()
    private var thread: Threads.Joinable?

    /// Begins.
    ///
    /// - Parameters:
    ///   - folder: An open folder of the file system.
    ///   - path: For errors.
    /// - Returns: Nil where no thread or no descriptor is to be had. Then everything waits for the sync at the end.
    init?(_ folder: CInt, _ path: FilePath) {
        self.path = path
        let own = fcntl(folder, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return nil }
        thread = try? Threads.joinable(name: "sync") { [result] in
            let code = clinux_syncfs(own) == 0 ? 0 : errno
            close(own)
            result.code.withLock { $0 = code }
        }
        guard thread != nil else {
            close(own)
            return nil
        }
    }

    deinit { thread?.detach() }

    var isDone: Bool { result.code.withLock { $0 != nil } }

    /// Waits for its end.
    ///
    /// - Throws: `FileError`. The system says only once that a write failed: a later sync may succeed.
    func finish() throws {
        thread?.join()
        thread = nil
        guard let code = result.code.withLock({ $0 }), code != 0 else { return }
        throw FileError("sync", path, Errno(rawValue: code))
    }
}
