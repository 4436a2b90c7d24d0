// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

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

    /// The first argument that is not UTF-8, as `printable` shows it; nil when all are. In `words` it is another one.
    public static var broken: String? {
        let count = clinux_argument_count()
        guard count > 1 else { return nil }
        for index in 1..<count {
            guard let word = clinux_argument(index), String(validatingCString: word) == nil else { continue }
            return shown(word)
        }
        return nil
    }

    /// The value of a variable that is not UTF-8, as `printable` shows it; nil when it is, or is not set.
    public static func broken(variable name: String) -> String? {
        guard let value = getenv(name), String(validatingCString: value) == nil else { return nil }
        return shown(value)
    }

    private static func shown(_ text: UnsafePointer<CChar>) -> String {
        printable(UnsafeRawBufferPointer(start: text, count: strlen(text)).map(\.self))
    }
}
