// SPDX-License-Identifier: Apache-2.0
import KecsArchive
import KecsBackups
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import Kecs

/// What people read: chats, telephones and mail.
@Suite struct ReceiversTests {
    private static let note = Kecs.Notification(
        .copyFailed, run: "r-1", at: CheckScene.now, command: "backup", instance: "dev", status: 14,
        result: [
            "remote": "offsite",
            "error": [
                "message": "the remote “offsite” could not write <dev>", "cause": "password=hunter2 & more",
                "remedy": "kecsctl remote test offsite",
            ],
        ])

    private func send(
        _ note: Kecs.Notification = note, to server: TestServer, _ format: WebhookFormat
    ) async throws -> [String] {
        try await TemporaryHome.with { home in
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()),
                clock: ManualClock())
            let webhook = NotifySettings.Webhook(
                url: Secret("http://127.0.0.1:\(server.port)/topic"), secret: nil, events: [.copyFailed],
                format: format, token: Secret("tk_1"))
            return await SendNotification(
                machine: machine, settings: NotifySettings(webhook: webhook), limit: .seconds(300)
            ).run(note)
        }
    }

    private func server() throws -> TestServer {
        try TestServer(.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
    }

    private func body(_ request: String) throws -> String {
        String(request[try #require(request.firstRange(of: "\r\n\r\n")).upperBound...])
    }

    @Test func `Slack gets a text, in which nothing of ours is its markup and no secret is`() async throws {
        let server = try server()
        #expect(try await send(to: server, .slack) == [])
        let request = try #require(server.requests.first)
        #expect(request.contains("Content-Type: application/json\r\n"))
        #expect(request.contains("Authorization: Bearer tk_1\r\n"))
        let json = try JSONFile.decode(JSONValue.self, from: Array(try body(request).utf8), at: "body")
        let text = try #require(json["text"]?.string)
        #expect(text.hasPrefix("*a backup of dev was not copied to offsite"))
        #expect(text.contains("could not write &lt;dev&gt;") && text.contains("kecsctl remote test offsite"))
        #expect(!text.contains("hunter2"))
    }

    @Test func `ntfy gets a title, a priority and a text`() async throws {
        let server = try server()
        #expect(try await send(to: server, .ntfy) == [])
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("POST /topic HTTP/1.1\r\n"))
        #expect(request.contains("Title: a backup of dev was not copied to offsite"))
        #expect(request.contains("Priority: 4\r\n") && request.contains("Tags: warning\r\n"))
        #expect(try body(request).contains("could not write <dev>"))
    }

    @Test func `sendmail gets a mail to its recipients`() async throws {
        try await TemporaryHome.with { home in
            try home.tools.add("sendmail", "cat >\"$FAKES/mail\"; echo \"$@\" >\"$FAKES/arguments\"")
            let machine = Machine(
                environment: home.environment,
                processes: SystemProcesses(environment: home.environment, cancellation: Cancellation()))
            let mail = NotifySettings.Mail(
                to: ["me@example.org", "you@example.org"], from: "kecs@example.org",
                way: .sendmail(home.tools.folder.appending("sendmail").string), events: [.copyFailed])
            let send = SendNotification(
                machine: machine, settings: NotifySettings(mail: mail), limit: .seconds(300))
            #expect(await send.run(Self.note) == [])
            func read(_ name: String) throws -> String {
                String(decoding: try home.tools.folder.appending(name).contents(), as: UTF8.self)
            }
            #expect(try read("arguments") == "-i -f kecs@example.org -- me@example.org you@example.org\n")
            let text = try read("mail")
            #expect(text.contains("To: me@example.org, you@example.org\n"))
            #expect(text.contains("Subject: a backup of dev was not copied to offsite"))
            #expect(text.contains("Content-Transfer-Encoding: base64\n"), "the quotes are no ASCII")
            #expect(!text.contains("\r") && !text.contains("hunter2"))
        }
    }

    @Test func `a date, a subject and a body are as RFC 5322 and 2047 want them`() {
        #expect(MailText.date(Moment(seconds: 0)) == "Thu, 01 Jan 1970 00:00:00 +0000")
        #expect(MailText.date(Moment(seconds: 1_796_000_523)) == "Mon, 30 Nov 2026 01:02:03 +0000")
        #expect(MailText.encodedWord("plain") == "plain")
        #expect(MailText.encodedWord("“dev”") == "=?UTF-8?B?4oCcZGV24oCd?=")
        let long = MailText.encodedWord(String(repeating: "é", count: 100))
        #expect(
            long.split(separator: " ").count > 3 && long.split(separator: " ").allSatisfy { $0.count <= 75 })
        // RFC 4648, 10.
        for (text, encoded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(MailText.base64(Array(text.utf8), width: .max).joined() == encoded)
        }
    }

    @Test func `a name with a line break cannot become a header`() {
        var note = Self.note
        note.instance = "dev\nBcc: other@example.org"
        let text = NotificationText(note, tail: [], host: "h")
        #expect(!text.title.contains("\n"))
    }

    @Test(arguments: [
        #"{"mail":{"to":[]}}"#, #"{"mail":{"to":["a@b, c@d"]}}"#, #"{"mail":{"to":"-oQ/tmp"}}"#,
        #"{"mail":{"to":"a@b","smtp":{"url":"file:///x"}}}"#, #"{"mail":{"to":"a@b","sendmail":"sendmail"}}"#,
        #"{"mail":{"to":"a@b","smtp":{"url":"smtps://x","user":"me"}}}"#,
        #"{"webhook":{"url":"https://x","format":"teams"}}"#, #"{"webhook":"https://x"}"#,
    ])
    func `settings by which nothing could be sent are refused`(text: String) async throws {
        try await CheckScene.with { scene in
            try scene.write(scene.site.home.settings, "{\"notify\":\(text)}")
            #expect(throws: Failure.self) { try NotifySettings.read(scene.site) }
        }
    }

    @Test func `there may be several of a kind`() async throws {
        try await CheckScene.with { scene in
            try scene.write(
                scene.site.home.settings,
                #"{"notify":{"webhook":[{"url":"https://a"},{"url":"https://b","format":"ntfy","on":["drill.failed"]}],"#
                    + #""mail":{"to":["a@b"],"on":["lacking","shrunk"]}}}"#)
            let settings = try NotifySettings.read(scene.site)
            #expect(settings.webhooks.map(\.format) == [.kecsctl, .ntfy])
            #expect(settings.webhooks[1].events == [.drillFailed])
            #expect(settings.mails.first?.way == .sendmail("/usr/sbin/sendmail"))
            #expect(settings.mails.first?.events == [.lacking, .shrunk])
        }
    }
}
