// SPDX-License-Identifier: Apache-2.0

/// The only place that says which version this is.
enum Version {
    static let number = "0.1.0"
    /// Of the release; the man pages carry it, so that they are the same whenever they are written.
    static let date = (day: 21, month: "November", year: 2026)
}
