// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Kecs
import KecsSystem
import KecsTesting
import SystemPackage
import Testing

@testable import kecsctl

@Suite struct SessionTests {
    private struct Report: OperationReport {
        static let kind = "TestReport"
        var outcome = Outcome.done
        var size = 17
    }

    private let folder: TestFolder
    private let root = RootTask()

    init() throws { folder = try TestFolder() }

    /// Runs an operation that fails for each name in `failures`.
    private func operate(
        _ words: String..., on names: [String], failures: [String: any Error] = [:], outcome: Outcome = .done
    ) async throws -> Caught {
        try await folder.capture { output, errors in
            let session = try session(words, output, errors)
            return await session.operate(
                on: InstanceSelection(names: names), unnamed: .never, changes: true,
                Session.Telling<Report>(text: { name, report in "did \(name)" })
            ) { name in
                if let failure = failures[name.description] { throw failure }
                return Report(outcome: outcome)
            }
        }
    }

    private func session(
        _ words: [String], _ output: FileDescriptor, _ errors: FileDescriptor
    ) throws -> Session {
        let options = try GlobalOptions.parse(words)
        let machine = Machine(
            environment: [:], processes: ScriptedProcesses([]), cancellation: root.cancellation)
        let console = Console(
            terminal: .none, format: options.logFormat, verbosity: options.verbose, isQuiet: options.quiet,
            clock: machine.clock, output: output, errors: errors)
        return Session(
            site: Wiring.site(machine, Home(folder.path)), console: console, options: options, command: "test"
        )
    }

    @Test func `each result of a change is one line of history`() async throws {
        _ = try await operate(on: ["a", "b"], failures: ["b": Failure(.busy, "busy")])
        let lines = String(decoding: try folder.path.appending("history.jsonl").contents(), as: UTF8.self)
            .split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""command":"test""#) && lines[0].contains(#""status":0"#))
        #expect(lines[1].contains(#""status":11"#))
    }

    @Test func `a name that cannot be one is wrong usage for that instance alone`() async throws {
        let caught = try await operate(on: ["../etc"])
        #expect(caught.status == 64)
        #expect(caught.errors.hasPrefix("kecsctl: error: “../etc” cannot be the name of an instance\n"))
    }

    @Test func `one that fails does not stop the others, and the status is 3`() async throws {
        let caught = try await operate(
            on: ["a", "b", "c"],
            failures: ["b": Failure(.damaged, "“b” is damaged", cause: "a bit", remedy: "kecsctl list")])
        #expect(caught.status == 3)
        #expect(caught.output == "did a\ndid c\n")
        #expect(
            caught.errors == """
                kecsctl: error: “b” is damaged
                  because: a bit
                  try:     kecsctl list

                """)
    }

    @Test func `a single instance gives its own status`() async throws {
        let caught = try await operate(on: ["a"], failures: ["a": Failure(.busy, "busy")])
        #expect(caught.status == 11)
        #expect(caught.output == "")
    }

    @Test func `a report that is only partly done is status 3`() async throws {
        #expect(try await operate(on: ["a"], outcome: .partial).status == 3)
        #expect(try await operate(on: ["a"], outcome: .already).status == 0)
    }

    @Test func `the JSON document comes also on failure and holds both kinds of result`() async throws {
        let caught = try await operate(
            "-o", "json", on: ["a", "b"],
            failures: ["b": Failure(.notFound, "no “b”", remedy: "kecsctl list")])
        #expect(caught.status == 3)
        #expect(
            caught.output == """
                {
                  "apiVersion" : "kecsctl/v1",
                  "kind" : "TestReport",
                  "results" : [
                    {
                      "instance" : "a",
                      "outcome" : "done",
                      "size" : 17
                    },
                    {
                      "error" : {
                        "message" : "no “b”",
                        "remedy" : "kecsctl list",
                        "status" : 10
                      },
                      "instance" : "b",
                      "outcome" : "failed"
                    }
                  ]
                }

                """)
    }

    @Test func `a selection that fails is in the document too`() async throws {
        let caught = try await operate("-o", "yaml", on: [])
        #expect(caught.status == 64)
        #expect(caught.output.contains("results: []\n"))
        #expect(caught.output.contains("  status: 64\n"))
        #expect(caught.errors.hasPrefix("kecsctl: error: no instance was named\n"))
    }

    @Test func `quiet prints nothing on success, and still what was asked for by form`() async throws {
        let quiet = try await operate("--quiet", on: ["a"])
        #expect(quiet.output == "" && quiet.errors == "" && quiet.status == 0)
        #expect(try await operate("--quiet", "-o", "name", on: ["a"]).output == "a\n")
    }

    @Test func `an interruption ends with its own status and starts nothing more`() async throws {
        root.cancel(.terminate)
        let caught = try await operate(on: ["a", "b"])
        #expect(caught.status == 143)
        #expect(caught.output == "")
    }

    @Test func `a cancelled task is told why`() async throws {
        let caught = try await folder.capture { output, errors in
            let session = try session([], output, errors)
            root.cancel(.timeout)
            return session.failure(CancellationError()).status
        }
        #expect(caught.status == 15)
    }

    @Test func `errors in the log format JSON are one object a line`() async throws {
        let caught = try await operate(
            "--log-format", "json", on: ["a"],
            failures: ["a": Failure(.noRoom, "no room", cause: "two\nlines")])
        #expect(caught.status == 16)
        #expect(caught.errors.split(separator: "\n").count == 1)
        #expect(
            caught.errors.contains(
                #""cause":"two\nlines","instance":"a","level":"error","message":"no room""#))
    }

    @Test(
        arguments: [
            ([], 0), ([0], 0), ([13], 13), ([0, 0], 0), ([0, 13], 3), ([11, 11], 3), ([0, 130, 130], 130),
            ([10, 15], 15),
        ] as [([Int32], Int32)])
    func `the status of several`(all: [Int32], expected: Int32) {
        #expect(Session.status(all) == expected)
    }

    @Test func `a reader that went away is no error, a full disk is`() async throws {
        signal(SIGPIPE, SIG_IGN)
        let full = try FileDescriptor.open("/dev/full", .writeOnly)
        let pipe = try FileDescriptor.pipe()
        try pipe.readEnd.close()
        let ends = try [full, pipe.writeEnd].map { stream in
            let console = Console(
                terminal: .none, clock: SystemClock(), output: stream,
                errors: try FileDescriptor.open("/dev/null", .writeOnly))
            console.answer("hello\n")
            return console.outputError
        }
        #expect(ends == [.noSpace, nil])
    }
}
