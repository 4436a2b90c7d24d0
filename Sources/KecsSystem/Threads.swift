// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
public import SystemPackage

/// The system refused a thread, because of the user's limit of processes (`ulimit -u`), the container's (`pids.max`),
/// or memory.
public struct NoThread: Error, Hashable, Sendable {
    public let errno: Errno
    public init(errno: Errno) { self.errno = errno }
}

/// Plain threads: for code that blocks, or that must keep its full speed next to Swift's own pool.
public enum Threads {
    /// The number of processors that this process may use (its affinity mask), at least 1.
    public static var processors: Int {
        max(1, Int(clinux_processors()))
    }

    /// Starts a detached thread. Signals stay blocked in it, so that the main thread gets them.
    ///
    /// - Throws: `NoThread` when the system refuses one more.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(NoThread) {
        let thread = try launch(name, body)
        pthread_detach(thread)
    }

    /// Starts a thread that can be waited for.
    ///
    /// - Throws: `NoThread` when the system refuses one more.
    public static func joinable(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(NoThread) -> Joinable {
        Joinable(thread: try launch(name, body))
    }

    public struct Joinable: Sendable {
        fileprivate let thread: pthread_t
        /// Blocks until the thread has ended. This or `detach` must be called exactly once.
        public func join() { pthread_join(thread, nil) }
        /// Lets the thread end by itself.
        public func detach() { pthread_detach(thread) }
    }

    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    private static func launch(
        _ name: String, _ body: @escaping @Sendable () -> Void
    ) throws(NoThread) -> pthread_t {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        // Swift's own default for the main thread is 8 MiB; deep folder walks recurse.
        pthread_attr_setstacksize(&attributes, 8 << 20)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Body(name, body)).toOpaque()
        let code = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                clinux_name_thread(body.name)
                body.run()
                return nil
            }, context)
        guard code == 0 else {
            Unmanaged<Body>.fromOpaque(context).release()
            throw NoThread(errno: Errno(rawValue: code))
        }
        return thread
    }
}
