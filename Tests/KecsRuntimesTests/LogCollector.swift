// SPDX-License-Identifier: Apache-2.0
import Kecs
import Synchronization

/// Keeps what a server's log is made of, its two streams apart.
final class LogCollector: Sendable {
    private let bytes = Mutex<(output: [UInt8], errors: [UInt8])>(([], []))

    var sink: LogSink {
        LogSink(
            output: { [self] piece in bytes.withLock { $0.output += piece } },
            errors: { [self] piece in bytes.withLock { $0.errors += piece } })
    }

    var output: String { bytes.withLock { String(decoding: $0.output, as: UTF8.self) } }
    var errors: String { bytes.withLock { String(decoding: $0.errors, as: UTF8.self) } }
}
