// SPDX-License-Identifier: Apache-2.0
import Glibc
import KecsSystem
import SystemPackage

extension FileError {
    /// True when the kernel refused this user, and would not refuse another.
    var isRefused: Bool { [.permissionDenied, .notPermitted].contains(errno) }

    /// The first folder or file on the way to the path that this user may not use, with its owner and mode.
    var barrier: (path: FilePath, owner: UInt32, mode: UInt32)? {
        var place = FilePath(root: path.root, [])
        var known: (FilePath, UInt32, UInt32)?
        for component in path.components {
            place.append(component)
            do {
                guard let status = try FileStatus.of(place) else { return known }
                known = (place, status.owner, status.mode)
            } catch {
                return known
            }
        }
        return known
    }

    /// The owner: "/a belongs to root (uid 0), mode 0700, and this is uid 1000". Nil for an error that is no refusal of
    /// this user.
    var ownership: String? {
        guard isRefused, let barrier else { return nil }
        return "\(barrier.path) belongs to \(Self.name(barrier.owner)), mode 0"
            + "\(String(barrier.mode, radix: 8)), and this is uid \(geteuid())"
    }

    /// The failure, and for a refusal the owner.
    var withOwner: String { description + (ownership.map { "; \($0)" } ?? "") }

    /// A command that shows it to a user with the right to see it.
    var remedyForRefusal: String? {
        guard isRefused, let barrier else { return nil }
        return "sudo ls -la \(ShellWords.quote([barrier.path.string]))"
    }

    private static func name(_ user: UInt32) -> String {
        var entry = passwd()
        var result: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &result) == 0, result != nil,
            let text = entry.pw_name
        else { return "uid \(user)" }
        return "\(String(cString: text)) (uid \(user))"
    }
}
