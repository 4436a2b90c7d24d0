// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Gives the process the same start, no matter what started it: a shell, cron, systemd, a container with nothing open.
enum ProcessStart {
    static func prepare() {
        openStandardStreams()
        // Files of the process belong to the user alone; a core file would hold passphrases and credentials.
        umask(0o077)
        var core = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core) == 0 {
            core.rlim_cur = 0
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core)
        }
        // The code that writes the answer handles `| head`, by EPIPE.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Opens the standard streams. The next opened file would get a closed descriptor 0, 1 or 2, and a database would
    /// then receive our error messages.
    private static func openStandardStreams() {
        for stream in STDIN_FILENO...STDERR_FILENO where fcntl(stream, F_GETFD) == -1 {
            // What is written to a standard output that was closed must fail: an answer that nobody gets is none.
            let opened = open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY)
            // The lowest free number is this one, because those below are open.
            precondition(opened == stream || opened == -1)
        }
    }
}
