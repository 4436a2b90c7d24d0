// SPDX-License-Identifier: Apache-2.0

/// Returns true for copies that common tools leave next to a database: `db.backup.1763550000.sqlite`, the result of
/// `db rescue`.
func isCopyOfDatabase(_ path: [UInt8]) -> Bool {
    let name = String(decoding: path, as: UTF8.self)
    let last = name.split(separator: "/").last.map(String.init) ?? name
    if name.split(separator: "/").dropLast().contains(where: { $0.hasSuffix(".rescue") }) { return true }
    if last.contains(".rescued-") || last.hasPrefix(".") { return true }
    let words = last.split(separator: ".")
    guard let backup = words.firstIndex(where: { $0 == "backup" || $0 == "bak" }) else { return false }
    return backup > 0
}
