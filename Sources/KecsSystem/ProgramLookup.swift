// SPDX-License-Identifier: Apache-2.0
import Glibc
public import SystemPackage

/// Finds a program as execvp(3) would, except that it does not search relative folders on `$PATH`: the user's current
/// folder must not decide which program runs.
public enum ProgramLookup {
    /// - Throws: `ProcessError.notFound`; `cannotStart` when all that is found may not be executed.
    public static func find(_ program: String, path: String?) throws(ProcessError) -> FilePath {
        guard !program.isEmpty, !program.utf8.contains(0) else { throw .notFound(program) }
        if program.utf8.contains(UInt8(ascii: "/")) {
            switch look(at: FilePath(program)) {
            case 0: return FilePath(program)
            case ENOENT, ENOTDIR: throw .notFound(program)
            case let code: throw .cannotStart(program, why: Errno(rawValue: code).description)
            }
        }
        var refusal: CInt?
        // The default of execvp(3) when there is no PATH.
        for folder in (path ?? "/bin:/usr/bin").split(separator: ":") where folder.hasPrefix("/") {
            let candidate = FilePath(String(folder)).appending(program)
            switch look(at: candidate) {
            case 0: return candidate
            case ENOENT, ENOTDIR: continue
            case let code: refusal = refusal ?? code
            }
        }
        if let refusal { throw .cannotStart(program, why: Errno(rawValue: refusal).description) }
        throw .notFound(program)
    }

    /// - Returns: 0 for a file that may be executed, or why not as an errno.
    private static func look(at path: FilePath) -> CInt {
        path.withPlatformString { name in
            var facts = Glibc.stat()
            guard stat(name, &facts) == 0 else { return errno }
            guard facts.st_mode & S_IFMT == S_IFREG else { return EACCES }
            return faccessat(AT_FDCWD, name, X_OK, AT_EACCESS) == 0 ? 0 : errno
        }
    }
}
