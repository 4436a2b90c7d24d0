// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import KecsSystem
import Synchronization
import SystemPackage

/// Lets the device write what waits for it in a file system, on a thread of its own.
final class BackgroundSync: Sendable {
    private let path: FilePath
    private let state: Mutex<(thread: Threads.Joinable?, error: CInt)>

    /// Begins.
    ///
    /// - Parameters:
    ///   - folder: An open folder of the file system.
    ///   - path: For errors.
    /// - Returns: Nil where no thread or no descriptor is to be had. Then everything waits for the sync at the end.
    init?(_ folder: CInt, _ path: FilePath) {
        self.path = path
        state = Mutex((nil, 0))
        let own = fcntl(folder, F_DUPFD_CLOEXEC, 0)
        guard own >= 0 else { return nil }
        let thread = try? Threads.joinable(name: "sync") { [self] in
            let code = clinux_syncfs(own) == 0 ? 0 : errno
            close(own)
            state.withLock { $0.error = code }
        }
        guard let thread else {
            close(own)
            return nil
        }
        state.withLock { $0.thread = thread }
    }

    deinit { join() }

    /// Waits for its end.
    ///
    /// - Throws: `FileError`. The system says only once that a write failed: a later sync may succeed.
    func finish() throws {
        join()
        let code = state.withLock { $0.error }
        guard code == 0 else { throw FileError("sync", path, Errno(rawValue: code)) }
    }

    private func join() {
        let thread = state.withLock { state in
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
    }
}
