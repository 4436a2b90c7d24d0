// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Kecs
import KecsBackups
import KecsSQLite
import KecsSystem
import SystemPackage

/// The other end of `move` and `clone --to`: hidden, because only they call it, by ssh.
struct ArriveCommand: SessionCommand {
    static let configuration = CommandConfiguration(
        commandName: "__arrive", abstract: "The other end of a move.", shouldDisplay: false)

    static let help = CommandHelp(
        ExitStatus.changes.union([3, 10, 11, 12, 13, 14, 15, 16]),
        .init(
            "kecsctl __arrive look <question.json",
            "say what stands in the way of an instance that is to come"),
        .init("kecsctl __arrive end <farewell.json", "end a move"))

    enum Step: String, CaseIterable, ExpressibleByArgument, Sendable {
        case look, offer, receive, land, end
    }

    @Argument(help: ArgumentHelp("The step.", valueName: "step"))
    var step: Step

    @Argument(help: ArgumentHelp("The instance, of the step receive.", valueName: "instance"))
    var name: String?

    @Option(help: ArgumentHelp("The number of the receiver.", valueName: "number"))
    var generation: Int = 0

    @OptionGroup(title: "Options of every command") var global: GlobalOptions

    var makesHome: Bool { true }
    var hasForms: Bool { false }

    func run(_ session: Session) async throws -> Int32 {
        do {
            let site = session.site
            switch step {
            case .look: try answer(session, try await LookAtArrival(site: site).run(try question(session)))
            case .offer: try answer(session, try await ReceiveFiles(site: site).offer(try question(session)))
            case .land:
                try answer(
                    session, try await LandArrival(site: site).run(try question(session), told: session.tell))
            case .end:
                let farewell: Arrival.Farewell = try question(session)
                try await LandArrival(site: site).end(farewell, told: session.tell)
                try answer(session, farewell)
            case .receive:
                guard let name else { throw Failure(.usage, "the step receive is about an instance") }
                try await ReceiveFiles(site: site).run(
                    try InstanceName(checking: name), generation: generation
                ) { stored in session.console.answer("\(stored)\n") }
            }
            return 0
        } catch {
            // The other end reads it from there.
            let failure = session.failure(error)
            session.console.answer(failure, in: .json)
            session.console.fail(failure)
            return failure.status
        }
    }

    private func question<Value: Decodable>(_ session: Session) throws -> Value {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            try session.machine.cancellation.check()
            let count = read(session.machine.input, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError.last("read", "standard input") }
            if count == 0 { break }
            bytes += piece[..<count]
            guard bytes.count <= 256 << 20 else {
                throw Failure(.usage, "standard input is not what a “move” sends")
            }
        }
        do {
            return try JSONFile.decode(Value.self, from: bytes, at: "standard input")
        } catch let error as JSONFileError {
            throw Failure(.usage, "standard input is not what a “move” sends", cause: error.why)
        }
    }

    private func answer(_ session: Session, _ value: some Encodable) throws {
        session.console.answer(bytes: try JSONFile.encode(value))
    }
}
