// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Looks at files as another user may, where the tests run as root, for whom no mode is a barrier; else as who one is.
///
/// Linux keeps a file system user for each thread (setfsuid(2)), so `body` must not be left before it is done: no `await`.
public func asUser<Result>(_ user: UInt32, _ body: () throws -> Result) rethrows -> Result {
    guard geteuid() == 0, let setfsuid = fileSystemUser else { return try body() }
    _ = setfsuid(user)
    defer { _ = setfsuid(0) }
    return try body()
}

/// `<sys/fsuid.h>` is in no module of Swift's.
private let fileSystemUser: (@convention(c) (UInt32) -> CInt)? = dlsym(nil, "setfsuid").map {
    unsafeBitCast($0, to: (@convention(c) (UInt32) -> CInt).self)
}
