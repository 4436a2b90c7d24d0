// SPDX-License-Identifier: Apache-2.0
import CLinux

/// The words of the command line.
///
/// Swift's `CommandLine.arguments` reads `/proc/self/cmdline` and is empty where /proc is not mounted: a chroot, an
/// early boot. A program that then sees no words does nothing and reports success.
public enum ProgramArguments {
    /// The arguments without the program's own name.
    public static var words: [String] {
        let count = clinux_argument_count()
        guard count > 1 else { return [] }
        return (1..<count).compactMap { index in clinux_argument(index).map { String(cString: $0) } }
    }
}
