// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Runs `body` with another user's rights to files, when the tests run as root, for whom no mode is a barrier;
/// otherwise with the present rights.
///
/// Linux keeps a file system user for each thread (setfsuid(2)), so `body` must not suspend before it is done: no
/// `await`.
public func asUser<Result>(_ user: UInt32, _ body: () throws -> Result) rethrows -> Result {
    guard geteuid() == 0, let setfsuid = fileSystemUser else { return try body() }
    _ = setfsuid(user)
    defer { _ = setfsuid(0) }
    return try body()
}

/// The function `setfsuid`: no module of Swift has `<sys/fsuid.h>`.
private let fileSystemUser: (@convention(c) (UInt32) -> CInt)? = dlsym(nil, "setfsuid").map {
    unsafeBitCast($0, to: (@convention(c) (UInt32) -> CInt).self)
}
