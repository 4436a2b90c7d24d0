// SPDX-License-Identifier: Apache-2.0
public import KecsSystem
import SystemPackage

/// The user's crontab. Changes leave every foreign byte alone: each line of ours ends in its own mark.
public struct Crontab: Sendable, Hashable {
    /// The output of `crontab -l`.
    public private(set) var bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The mark, a comment for the shell that cron starts.
    static func mark(_ name: InstanceName) -> String { " # kecsctl:\(name)" }

    /// Our lines for an instance, without their mark. Those of another home's instance of this name are not ours.
    public func lines(of name: InstanceName, in home: Home) -> [String] {
        let mark = Array(Self.mark(name).utf8)
        return split().filter { Self.isOurs($0, mark, home) }
            .map { String(decoding: $0.dropLast(mark.count), as: UTF8.self) }
    }

    private static func isOurs(_ line: ArraySlice<UInt8>, _ mark: [UInt8], _ home: Home) -> Bool {
        guard line.suffix(mark.count).elementsEqual(mark) else { return false }
        let text = String(decoding: line, as: UTF8.self)
        return !text.contains(" --home ") || text.contains(Self.words(of: home))
    }

    private static func words(of home: Home) -> String {
        " --home " + ShellWords.quote([home.path.string]).replacing("%", with: "\\%") + " "
    }

    /// Replaces our lines of an instance by these; none removes them all. The first takes the place of the old first
    /// one.
    public mutating func setLines(_ lines: [String], of name: InstanceName, in home: Home) {
        let mark = Array(Self.mark(name).utf8)
        let newline = UInt8(ascii: "\n")
        var new = lines.map { Array($0.utf8) + mark }
        var result: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: newline)
            let line = rest[..<(end ?? rest.endIndex)]
            rest = end.map { rest[($0 + 1)...] } ?? []
            if Self.isOurs(line, mark, home) {
                for line in new { result += line + [newline] }
                new = []
            } else {
                result += line
                if end != nil { result.append(newline) }
            }
        }
        if !new.isEmpty, let last = result.last, last != newline { result.append(newline) }
        for line in new { result += line + [newline] }
        bytes = result
    }

    private func split() -> [ArraySlice<UInt8>] { bytes.split(separator: UInt8(ascii: "\n")) }

    // MARK: The real one

    private static func call(_ arguments: String...) -> ProcessCall {
        var call = ProcessCall("crontab", arguments)
        call.limit = .seconds(30)
        call.environment = ["LC_ALL": "C"]
        return call
    }

    /// - Throws: Any error when the crontab's content cannot be determined. Nothing may be written then: the content
    ///   would be lost.
    public static func load(_ machine: Machine) async throws -> Crontab {
        let result = try await machine.processes.run(call("-l"))
        if result.succeeded, !result.isCut { return Crontab(result.output) }
        // The same status means "there is none" and "it may not be read".
        if result.end == .exited(1), result.output.isEmpty, Self.saysNone(result.errorText.trimmed) {
            return Crontab([])
        }
        throw Failure(
            .failed, "the crontab cannot be read", cause: result.errorText.trimmed,
            remedy: "crontab -l")
    }

    /// "no crontab for root" (Vixie cron, cronie); "crontab: can't open 'root': No such file or directory" (busybox).
    static func saysNone(_ complaint: String) -> Bool {
        complaint.contains("no crontab for")
            || complaint.contains("can't open '") && complaint.hasSuffix("No such file or directory")
    }

    /// Reads the crontab without a later change.
    public static func read(_ machine: Machine) async throws -> String {
        String(decoding: try await load(machine).bytes, as: UTF8.self)
    }

    public func install(_ machine: Machine) async throws {
        var call = Self.call(bytes.isEmpty ? "-r" : "-")
        if !bytes.isEmpty { call.input = .bytes(bytes) }
        let result = try await machine.processes.run(call)
        guard result.succeeded else {
            throw Failure(
                .failed, "the crontab cannot be written", cause: result.errorText.trimmed,
                remedy: "crontab -l")
        }
    }
}
