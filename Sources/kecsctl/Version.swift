// SPDX-License-Identifier: Apache-2.0

/// The only place with this program's version.
enum Version {
    static let number = "0.1.0"
    /// The date of the release. The man pages carry it, so that they are the same whenever they are written.
    static let date = (day: 21, month: "November", year: 2026)
    /// The date in figures.
    static var day: String {
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ]
        let numbers = [date.year, (months.firstIndex(of: date.month) ?? -1) + 1, date.day]
        return numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: "-")
    }
}
