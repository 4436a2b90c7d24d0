// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import KecsSystem

/// An amount of bytes as people type it: see `ByteCount.init(_:)`.
struct SizeArgument: Hashable, Sendable {
    let size: ByteCount

    init?(_ text: String) {
        guard let size = ByteCount(text) else { return nil }
        self.size = size
    }
}

extension SizeArgument: ExpressibleByArgument {
    init?(argument: String) { self.init(argument) }
}
