// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import SystemPackage

/// The kecsctl of another machine, behind ssh. Keys, agent, jumps and known hosts are those of the stock program.
struct OtherMachine: Sendable {
    let machine: Machine
    let address: SSHAddress
    /// As it was given: “ssh://new.example/srv/kecs”.
    let text: String
    let program: String

    /// ssh's own exit status for anything that is its own, as a connection that was cut (ssh(1)).
    private static let sshFailed: Int32 = 255
    /// Of a shell that does not find the program.
    private static let notFound: Int32 = 127
    /// No question is ever asked. Of a connection over which nothing comes back for 15 s it is known that it is gone.
    private static let options = [
        "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=5", "-o",
        "ServerAliveCountMax=3",
    ]
    /// For what takes as long as there are bytes.
    static let long: Duration = .seconds(7 * 24 * 3600)

    /// - Throws: `Failure(.usage)` for an address that is none.
    init(_ machine: Machine, _ text: String, program: String?) throws {
        guard let address = SSHAddress(text, needsPath: false) else {
            throw Failure(
                .usage, "“\(printable(Array(text.utf8)))” is no address of another machine",
                cause:
                    "it is ssh://[USER@]HOST[:PORT], with the path of its home where that is not the default, "
                    + "as in ssh://ana@new.example/home/ana/.kecs",
                remedy: "kecsctl move --help")
        }
        self.machine = machine
        self.address = address
        self.text = text
        self.program = program ?? "kecsctl"
    }

    /// For sentences.
    var name: String { address.host }

    // MARK: Ask

    /// One step of a move there.
    func ask<Question: Encodable, Answer: Decodable>(
        _ step: String, _ question: Question, limit: Duration = .seconds(600)
    ) async throws -> Answer {
        let result = try await run(
            ["__arrive", step], input: .bytes(try JSONFile.encode(question)), limit: limit)
        try check(result)
        do {
            return try JSONFile.decode(Answer.self, from: result.output, at: FilePath("answer"))
        } catch let error as JSONFileError {
            throw Failure(
                .failed, "the kecsctl on \(name) gave no answer that can be read", cause: error.why,
                remedy: line(["version"]))
        }
    }

    /// A command there, as anybody could give it.
    ///
    /// - Returns: What its first result says; `error` is in it when the command did not succeed.
    func command(_ words: [String], limit: Duration) async throws -> JSONValue? {
        let result = try await run(words + ["--output", "json"], input: .none, limit: limit)
        let document = try? JSONValue(parsing: result.outputText)
        let first = document?["results"]?.array?.first
        // Status 3 is a result with a lack, which the caller tells.
        if result.end == .exited(Failure.Kind.partial.rawValue), let first { return first }
        try check(result)
        return first
    }

    /// Feeds a step that prints how many bytes it has got.
    func stream(
        _ words: [String], _ pieces: [ProcessCall.Piece], heard: @Sendable @escaping ([UInt8]) throws -> Void
    ) async throws {
        let result = try await machine.processes.stream(
            call(words, input: .pieces(pieces), limit: Self.long), output: heard)
        try check(result)
    }

    private func run(
        _ words: [String], input: ProcessCall.Input, limit: Duration
    ) async throws -> ProcessResult {
        do {
            return try await machine.processes.run(call(words, input: input, limit: limit))
        } catch is ProcessError {
            throw Failure(
                .unreachable, "ssh, which reaches other machines, cannot be run",
                remedy: "sudo apt-get install openssh-client")
        }
    }

    private func call(_ words: [String], input: ProcessCall.Input, limit: Duration) -> ProcessCall {
        var call = ProcessCall("ssh", Self.options + target + [ShellWords.quote([program] + words + home)])
        call.input = input
        call.limit = limit
        call.outputLimit = 256 << 20
        return call
    }

    private var home: [String] { address.path.isEmpty ? [] : ["--home", address.path] }

    private var target: [String] {
        (address.port.map { ["-p", String($0)] } ?? []) + [
            (address.user.map { "\($0)@" } ?? "") + address.host
        ]
    }

    /// A line that does this there, to be pasted here.
    func line(_ words: [String]) -> String {
        ShellWords.quote(["ssh"] + target + [ShellWords.quote([program] + words + home)])
    }

    // MARK: What went wrong

    private func check(_ result: ProcessResult) throws {
        guard !result.succeeded else { return }
        let words = result.errorText.split(whereSeparator: \.isNewline).last.map { printable(Array($0.utf8)) }
        switch result.end {
        case .exited(Self.sshFailed):
            throw Failure(
                .unreachable, "\(name) cannot be reached, or the connection to it was cut", cause: words,
                remedy: ShellWords.quote(["ssh"] + target + ["true"]))
        case .exited(Self.notFound):
            throw Failure(
                .unreachable,
                program == "kecsctl"
                    ? "there is no kecsctl on \(name), or its PATH does not lead to it"
                    : "there is no “\(program)” on \(name)",
                cause: words,
                remedy: (program == "kecsctl"
                    ? Remedy.again(with: "--program", "/usr/local/bin/kecsctl") : nil)
                    ?? ShellWords.quote(["ssh"] + target + ["command -v kecsctl"]))
        case .exited:
            let document = try? JSONValue(parsing: result.outputText)
            let error = document?["error"] ?? document?["results"]?.array?.first?["error"]
            throw failure(error)
                ?? Failure(
                    .failed, "the kecsctl on \(name) could not do its part", cause: words,
                    remedy: line(["version"]))
        case .signaled(let signal):
            throw Failure(.unreachable, "ssh to \(name) was ended by the signal \(signal)")
        case .timedOut:
            throw Failure(.timeout, "\(name) took too long", remedy: line(["list"]))
        }
    }

    /// What the other end says, as what it is here.
    func failure(_ error: JSONValue?) -> Failure? {
        guard let error, let message = error["message"]?.string else { return nil }
        var status: Int32 = 1
        if case .integer(let number)? = error["status"] { status = Int32(clamping: number) }
        // An interruption there is none here.
        let kind = Failure.Kind(rawValue: status).flatMap { status >= 128 ? nil : $0 } ?? .failed
        return failure(kind, message, error["cause"]?.string, error["remedy"]?.string)
    }

    func failure(_ problem: Arrival.Problem) -> Failure {
        failure(
            Failure.Kind(rawValue: problem.status) ?? .failed, problem.message, problem.cause, problem.remedy)
    }

    private func failure(
        _ kind: Failure.Kind, _ message: String, _ cause: String?, _ remedy: String?
    ) -> Failure {
        Failure(
            kind, "on \(name): \(message)", cause: cause,
            remedy: remedy.map { ShellWords.quote(["ssh"] + target + [$0]) })
    }
}
