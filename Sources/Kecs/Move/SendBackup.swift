// SPDX-License-Identifier: Apache-2.0
import KecsBackups
import KecsSystem
import Synchronization
import SystemPackage

/// Brings a backup to another machine: what is not there yet, from where the last one was cut off.
struct SendBackup: Sendable {
    let site: Site
    let other: OtherMachine
    let question: Arrival.Question

    struct Sent: Sendable {
        /// Of all its files.
        var bytes: Int64 = 0
        /// Of those, what was sent now.
        var sentBytes: Int64 = 0
        var landed: Arrival.Landed
    }

    /// Sends it and puts it in place there.
    func run(_ backup: StoredBackup) async throws -> Sent {
        guard backup.state == .complete, let manifest = backup.manifest else {
            throw Failure(
                .damaged, "the backup “\(backup.id)” cannot be sent",
                remedy: "kecsctl backups verify \(backup.id)")
        }
        let sources = try CopyBackup.files(of: backup, manifest)
        let files = sources.map { Arrival.File(name: $0.name, bytes: $0.size, sha256: $0.sha256) }
        let landing = Arrival.Landing(question: question, id: backup.id, files: files)
        var sent: Int64 = 0
        // The second time for what was damaged on the way.
        for _ in 0..<2 {
            sent += try await send(sources, files, manifest)
            site.machine.progress.step("verifying and unpacking on \(other.name)", total: nil)
            let landed: Arrival.Landed = try await other.ask("land", landing, limit: OtherMachine.long)
            if landed.damaged.isEmpty {
                return Sent(bytes: files.total(\.bytes), sentBytes: sent, landed: landed)
            }
        }
        throw Failure(
            .damaged, "what was sent to \(other.name) came damaged, twice",
            cause: "its digests are not those of the backup \(backup.id) here",
            remedy: "kecsctl backups verify \(backup.id)")
    }

    private func send(
        _ sources: [CopyBackup.File], _ files: [Arrival.File], _ manifest: Manifest
    ) async throws -> Int64 {
        let offer = Arrival.Offer(
            name: question.name, instanceId: question.config.id, from: manifest.host ?? "another machine",
            files: files, sourceBytes: manifest.parts.total(\.sourceBytes))
        let wanted: Arrival.Wanted = try await other.ask("offer", offer)
        var have = wanted.have
        var pieces: [ProcessCall.Piece] = []
        var total: Int64 = 0
        for file in sources {
            let offset = have[file.sha256] ?? 0
            let count = file.size - offset
            guard count > 0 || have[file.sha256] == nil else { continue }
            let header = Arrival.Header(sha256: file.sha256, offset: offset, bytes: count)
            // One line, whatever the encoder makes of it.
            let line = try JSONFile.encode(header).filter { $0 != UInt8(ascii: "\n") }
            pieces.append(.bytes(line + [UInt8(ascii: "\n")]))
            if count > 0 { pieces.append(.part(of: file.path, from: offset, count: count)) }
            have[file.sha256] = file.size
            total += count
        }
        guard !pieces.isEmpty else { return 0 }
        site.machine.progress.step("sending to \(other.name)", total: total)
        let progress = site.machine.progress
        let heard = Mutex((rest: [UInt8](), stored: Int64(0)))
        do {
            try await other.stream(
                ["__arrive", "receive", question.name, "--generation", String(wanted.generation)], pieces
            ) { bytes in
                // A line with a number after each piece.
                let new = heard.withLock { heard in
                    let old = heard.stored
                    heard.rest += bytes
                    while let end = heard.rest.firstIndex(of: UInt8(ascii: "\n")) {
                        let text = String(decoding: heard.rest[..<end], as: UTF8.self)
                        heard.stored = Int64(text) ?? heard.stored
                        heard.rest.removeFirst(end + 1)
                    }
                    return heard.stored - old
                }
                progress.advance(new)
            }
        } catch let failure as Failure where failure.kind == .unreachable {
            let stored = heard.withLock { $0.stored }
            var failure = failure
            failure.cause =
                (failure.cause.map { "\($0); " } ?? "")
                + "\(ByteCount(stored)) of \(ByteCount(total)) are there; run the same command again to resume"
            throw failure
        }
        return total
    }
}
