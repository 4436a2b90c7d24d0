// SPDX-License-Identifier: Apache-2.0
import KecsSystem

/// Lengths of time for people.
enum DurationText {
    /// "0.4 s", "12.3 s", "4 min 5 s", "2 h 10 min", "3 d 4 h"
    static func short(_ duration: Duration) -> String {
        let seconds = max(0, duration / .seconds(1))
        if seconds < 59.95 {
            let tenths = Int((seconds * 10).rounded())
            return "\(tenths / 10).\(tenths % 10) s"
        }
        let whole = Int(seconds.rounded())
        let units = [(86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")]
        for (large, largeName, small, smallName) in units where whole >= large {
            let rest = whole % large / small
            return "\(whole / large) \(largeName)" + (rest > 0 ? " \(rest) \(smallName)" : "")
        }
        return "\(whole) s"
    }

    /// "0:07", "12:30", "1:02:03"
    static func clock(_ duration: Duration) -> String {
        // Rounded first: a division of whole seconds may end in …0001.
        let whole = Int(((max(0, duration / .seconds(1)) * 1000).rounded() / 1000).rounded(.up))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds))" : "\(minutes):\(two(seconds))"
    }

    /// Returns "3 min ago", "2 d ago"; a moment in the future, which only a wrong clock causes, is shown as such.
    static func age(of moment: Moment, at now: Moment) -> String {
        let seconds = Int(now.since(moment) / .seconds(1))
        if seconds < 0 { return "in the future" }
        for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "min")] where seconds >= unit {
            return "\(seconds / unit) \(name) ago"
        }
        return "\(seconds) s ago"
    }
}
