// SPDX-License-Identifier: Apache-2.0

/// "3d 4h", "26h 1m", "12s": rounded down, two units.
func ageText(_ seconds: Int64) -> String {
    if seconds >= 2 * 86_400 { return "\(seconds / 86_400)d \(seconds / 3600 % 24)h" }
    if seconds >= 3600 { return "\(seconds / 3600)h \(seconds / 60 % 60)m" }
    if seconds >= 60 { return "\(seconds / 60)m \(seconds % 60)s" }
    return "\(seconds)s"
}
