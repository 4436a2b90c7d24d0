// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

/// `status --wait`: the health of an instance as an exit status.
@Suite struct AwaitHealthTests {
    private static let well = TestServer.Manner.answers(
        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}")
    private static let unwell = TestServer.Manner.answers(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    private func scene(_ manner: TestServer.Manner, _ body: (Kecsctl) async throws -> Void) async throws {
        try await withTemporaryFolder { root in
            let server = try TestServer(manner)
            let kecsctl = Kecsctl(home: root.appending("home"))
            let started = try await kecsctl(
                "start", "dev", "--runtime", "local", "--command", "sleep 600", "--health-url",
                "http://127.0.0.1:\(server.port)/health", "--no-wait")
            #expect(started.status == 0, "\(started.errors)")
            do { try await body(kecsctl) } catch {
                _ = try await kecsctl("stop", "dev", "--no-backup")
                throw error
            }
            _ = try await kecsctl("stop", "dev", "--no-backup")
        }
    }

    @Test func `one that is well is 0, quietly when that is asked for`() async throws {
        try await scene(Self.well) { kecsctl in
            let answer = try await kecsctl("status", "dev", "--wait", "--timeout", "60s")
            #expect(answer.status == 0 && answer.output.contains("running"), "\(answer.errors)")
            let quiet = try await kecsctl("status", "dev", "--wait", "--quiet")
            #expect(quiet.status == 0 && quiet.output == "" && quiet.errors == "")
        }
    }

    @Test func `one that says that it is not well is 15, with what it says`() async throws {
        try await scene(Self.unwell) { kecsctl in
            let answer = try await kecsctl("status", "dev", "--wait", "--timeout", "5s")
            #expect(answer.status == 15, "\(answer.errors)")
            #expect(answer.errors.contains("503"), "\(answer.errors)")
            // Without --wait, status tells what there is and nobody is asked.
            #expect(try await kecsctl("status", "dev").status == 0)
        }
    }

    @Test func `one that never answers is 15`() async throws {
        try await scene(.hangs) { kecsctl in
            let answer = try await kecsctl("status", "dev", "--wait", "--timeout", "3s")
            #expect(answer.status == 15, "\(answer.errors)")
        }
    }

    @Test func `it starts nothing, and goes on when somebody else does`() async throws {
        try await scene(Self.well) { kecsctl in
            #expect(try await kecsctl("stop", "dev", "--no-backup").status == 0)
            let stopped = try await kecsctl("status", "dev", "--wait", "--timeout", "2s", "-o", "json")
            #expect(stopped.status == 15)
            #expect(stopped.errors.contains("is stopped") || stopped.errors.contains("--timeout"))
            #expect(try await kecsctl("status", "dev", "-o", "json").first()["state"] == "stopped")
            async let waiting = kecsctl("status", "dev", "--wait", "--timeout", "100s")
            let started = try await kecsctl("start", "dev")
            #expect(started.status == 0, "\(started.errors)")
            let waited = try await waiting
            #expect(waited.status == 0, "\(waited.errors)")
        }
    }

    @Test func `what has no server cannot be waited for, and what is not there is 10`() async throws {
        try await withTemporaryFolder { root in
            let kecsctl = Kecsctl(home: root.appending("home"))
            #expect(try await kecsctl("start", "dev", "--runtime", "local").status == 0)
            let answer = try await kecsctl("status", "dev", "--wait")
            #expect(answer.status == 64 && answer.errors.contains("it is only data"), "\(answer.errors)")
            #expect(try await kecsctl("status", "nope", "--wait").status == 10)
        }
    }
}
