// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import KecsTesting
import Synchronization
import SystemPackage
import Testing

@testable import Kecs

@Suite struct NotifyTests {
    private let note = Kecs.Notification(
        .failure, run: "r-1", at: CheckScene.now, command: "backup", instance: "dev", status: 16)

    /// Runs with a curl that answers these statuses, one a call, and returns what it was called with.
    private func send(
        _ statuses: [String], _ settings: NotifySettings, logTail: [String] = []
    ) async throws -> (problems: [String], configs: [String], arguments: [[String]]) {
        try await TemporaryHome.with { home in
            try home.tools.add(
                "curl",
                """
                n=$(cat "$FAKES/n" 2>/dev/null || echo 0); n=$((n + 1)); echo $n >"$FAKES/n"
                cat >"$FAKES/config.$n"
                set -- \(statuses.joined(separator: " "))
                shift $((n - 1)); [ "$1" = 000 ] && exit 28; printf %s "$1"
                """)
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()),
                clock: ManualClock())
            let problems = await SendNotification(
                machine: machine, settings: settings, limit: .seconds(300)
            ).run(note, logTail: logTail)
            let calls = try home.tools.calls()
            let configs = try calls.indices.map {
                String(
                    decoding: try home.tools.folder.appending("config.\($0 + 1)").contents(), as: UTF8.self)
            }
            return (problems, configs, calls)
        }
    }

    private var webhook: NotifySettings {
        NotifySettings(
            webhook: .init(
                url: Secret("https://hook.example/T0K3N"), secret: Secret("key"), events: [.failure]))
    }

    @Test func `HMAC-SHA-256 is that of RFC 4231`() {
        #expect(
            hmacSHA256(Array("what do ya want for nothing?".utf8), key: Secret("Jefe"))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `neither address nor secret stands in an argument, and no redirection is followed`()
        async throws
    {
        let (problems, configs, calls) = try await send(["200"], webhook)
        #expect(problems == [])
        #expect(calls == [["curl", "--disable", "--config", "-"]])
        let config = try #require(configs.first)
        for line in [
            #"url = "https://hook.example/T0K3N""#, #"proto = "=http,https""#, "max-redirs = 0",
            "max-time = 300",
        ] {
            #expect(config.contains(line + "\n"))
        }
        #expect(config.contains("X-Kecsctl-Signature: sha256="))
        #expect(!config.contains("key"))
    }

    @Test func `a receiver that is in trouble is asked three times, one that refuses once`() async throws {
        #expect(try await send(["500", "000", "200"], webhook).problems == [])
        let down = try await send(["500", "500", "503"], webhook)
        #expect(down.arguments.count == 3)
        #expect(down.problems == ["the webhook was not reached: it answered with the status 503"])
        #expect(try await send(["302", "200"], webhook).arguments.count == 1)
        #expect(try await send(["404", "200"], webhook).arguments.count == 1)
    }

    @Test func `what nobody asked for is not told`() async throws {
        var settings = webhook
        settings.webhooks[0].events = [.success]
        #expect(try await send(["200"], settings).arguments.isEmpty)
    }

    @Test func `a ping carries status, run and the masked end of the log`() async throws {
        let settings = NotifySettings(healthchecks: Secret("https://hc.example/uuid"))
        let config = try #require(
            try await send(["200"], settings, logTail: ["no room", "DB_PASSWORD=x123"]).configs.first)
        #expect(config.contains(#"url = "https://hc.example/uuid/16?rid=r-1""#))
        #expect(config.contains("no room"))
        #expect(!config.contains("x123"))
    }

    @Test func `a command gets the notification on its standard input`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add(
                "tell", "cat >\"$FAKES/got\"; echo $KECSCTL_EVENT $KECSCTL_STATUS >>\"$FAKES/got\"")
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()))
            let settings = NotifySettings(command: .init(words: ["tell"], events: [.failure]))
            let send = SendNotification(machine: machine, settings: settings, limit: .seconds(300))
            #expect(await send.run(note) == [])
            let got = String(decoding: try home.tools.folder.appending("got").contents(), as: UTF8.self)
            #expect(got.contains("\"run\" : \"r-1\"") || got.contains("\"run\": \"r-1\""))
            #expect(got.hasSuffix("failure 16\n"))
        }
    }

    @Test func `a quoted text cannot leave its line`() {
        #expect(CurlConfig.quote("a\"\nurl = \"file:///etc/passwd") == #""a\"\nurl = \"file:///etc/passwd""#)
    }

    @Test(arguments: [
        #"{"webhook":{"url":"file:///etc/passwd"}}"#, #"{"webhook":{"url":"https://x","on":["never"]}}"#,
        #"{"healthchecks":{"url":"gopher://x"}}"#,
    ])
    func `settings that make no sense are refused`(text: String) async throws {
        try await CheckScene.with { scene in
            try scene.write(scene.site.home.settings, "{\"notify\":\(text)}")
            #expect(throws: Failure.self) { try NotifySettings.read(scene.site) }
        }
    }

    @Test func `secrets come from files`() async throws {
        try await CheckScene.with { scene in
            let file = scene.home.folder.appending("secret")
            try scene.write(file, "s3cret\n")
            try scene.write(
                scene.site.home.settings,
                "{\"notify\":{\"webhook\":{\"url\":\"https://x\",\"secretFile\":\"\(file)\"},\"command\":{\"argv\":[\"/bin/true\"]}}}"
            )
            let settings = try NotifySettings.read(scene.site)
            #expect(settings.webhooks.first?.secret == Secret("s3cret"))
            #expect(settings.commands.first?.words == ["/bin/true"])
            #expect(!"\(settings)".contains("s3cret"))
        }
    }
}
