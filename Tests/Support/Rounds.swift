// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How many rounds the fault tests do: a few in CI, all with `make faults`.
public enum Rounds {
    /// True with `KECSCTL_FAULTS=full`.
    public static let areFull = getenv("KECSCTL_FAULTS").map { String(cString: $0) } == "full"

    public static func count(ci: Int, full: Int) -> Int { areFull ? full : ci }
}
