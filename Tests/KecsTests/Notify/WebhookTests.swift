// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

/// With the real curl, and receivers that listen.
@Suite struct WebhookTests {
    private func send(
        to server: TestServer, limit: Duration = .seconds(300), clock: any WallClock = ManualClock()
    ) async throws -> [String] {
        try await TemporaryHome.with { home in
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()),
                clock: clock)
            let settings = NotifySettings(
                webhook: .init(
                    url: Secret("http://127.0.0.1:\(server.port)/T0K3N"), secret: Secret("key"),
                    events: [.success]))
            return await SendNotification(machine: machine, settings: settings, limit: limit).run(
                Kecs.Notification(
                    .success, run: "r-1", at: CheckScene.now, command: "backup", instance: "dev"))
        }
    }

    private func reply(_ status: String, _ headers: String = "") -> TestServer.Manner {
        .answers("HTTP/1.1 \(status)\r\n\(headers)Content-Length: 0\r\nConnection: close\r\n\r\n")
    }

    @Test func `a receiver gets the report as JSON, signed over its very bytes`() async throws {
        let server = try TestServer(reply("200 OK"))
        #expect(try await send(to: server) == [])
        let request = try #require(server.requests.first)
        #expect(server.requests.count == 1)
        #expect(request.hasPrefix("POST /T0K3N HTTP/1.1\r\n"))
        let body = try #require(request.firstRange(of: "\r\n\r\n")).upperBound
        let bytes = Array(request[body...].utf8)
        #expect(
            request.contains("X-Kecsctl-Signature: sha256=\(hmacSHA256(bytes, key: Secret("key")))\r\n"))
        #expect(try JSONFile.decode(JSONValue.self, from: bytes, at: "body")["run"] == "r-1")
    }

    /// That it comes back at all is the proof: the server keeps the connection for as long as the test holds it.
    @Test func `one that never answers is given up, and not tried again when its time is over`() async throws
    {
        let server = try TestServer(.hangs)
        let problems = try await send(to: server, limit: .milliseconds(300), clock: SystemClock())
        #expect(problems == ["the webhook was not reached: it did not answer within 0.3 seconds"])
        withExtendedLifetime(server) {}
    }

    @Test func `one that takes no call is given up too`() async throws {
        try await withTemporaryFolder { _ in
            // Its queue takes the connection, and nobody reads the request.
            let server = try TestServer(.doesNotAccept)
            let problems = try await send(to: server, limit: .milliseconds(300), clock: SystemClock())
            #expect(problems.count == 1)
            withExtendedLifetime(server) {}
        }
    }

    @Test func `one that answers 500 is asked three times`() async throws {
        let server = try TestServer(reply("500 Internal Server Error"))
        #expect(
            try await send(to: server) == ["the webhook was not reached: it answered with the status 500"])
        #expect(server.requests.count == 3)
    }

    @Test(arguments: ["file:///etc/passwd", "http://127.0.0.1:1/", "gopher://127.0.0.1:1/x"])
    func `a redirection is followed nowhere`(target: String) async throws {
        let server = try TestServer(reply("302 Found", "Location: \(target)\r\n"))
        #expect(
            try await send(to: server) == ["the webhook was not reached: it answered with the status 302"])
        #expect(server.requests.count == 1)
    }

    /// All attempts and pauses together: by the clock that the pauses are made on.
    @Test func `a slow receiver that is in trouble gets no attempt for which there is no time`() async throws
    {
        try await TemporaryHome.with { home in
            let clock = ManualClock()
            let settings = NotifySettings(
                webhook: .init(url: Secret("http://x/"), secret: nil, events: [.success]))
            // Each attempt takes four seconds and ends in a 503.
            let call = ProcessCall("curl", "--disable", "--config", "-")
            let script = SlowProcesses(clock: clock, takes: .seconds(4), call: call)
            let machine = Machine(environment: home.environment, processes: script, clock: clock)
            let began = clock.elapsed()
            let problems = await SendNotification(machine: machine, settings: settings).run(
                Kecs.Notification(.success, run: "r", at: CheckScene.now, command: "backup", instance: "dev"))
            #expect(problems.count == 1)
            // 4 s, a pause of 1 s, 4 s: a third attempt would come after 11 s.
            #expect(clock.elapsed() - began == .seconds(9))
            #expect(clock.sleeps == [.seconds(1)])
        }
    }

    private struct SlowProcesses: ProcessRunner {
        let clock: ManualClock
        let takes: Duration
        let call: ProcessCall

        func run(_ call: ProcessCall) async throws -> ProcessResult {
            #expect(call.arguments == self.call.arguments)
            clock.advance(by: takes)
            return ProcessResult(end: .exited(0), output: Array("503".utf8))
        }

        func stream(
            _ call: ProcessCall, output: @Sendable @escaping ([UInt8]) throws -> Void,
            errors: (@Sendable ([UInt8]) throws -> Void)?
        ) async throws -> ProcessResult { try await run(call) }
    }
}
