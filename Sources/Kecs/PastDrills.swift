// SPDX-License-Identifier: Apache-2.0
public import KecsBackups
public import KecsSystem
public import SystemPackage

/// The past drills of an instance's backups, by the files of evidence next to the backups. They outlive the backups
/// that they are about. `backups/dev/drills/20261129T104000Z-passed.json`
public struct PastDrills: Sendable {
    public struct Drill: Hashable, Sendable {
        public var at: Moment
        public var passed: Bool
        public var file: FilePath
    }

    /// The number of files of evidence that are kept: a year of weekly drills.
    static let kept = 52
    static let folderName = "drills"
    private static let endings = ["-passed": true, "-failed": false]

    /// The oldest first.
    public let all: [Drill]
    let folder: FilePath

    public init(_ store: BackupStore) throws {
        let folder = store.folder.appending(Self.folderName)
        self.folder = folder
        guard try folder.isFolder else {
            all = []
            return
        }
        all = try folder.entries().compactMap { name in
            let text = name.string
            guard text.hasSuffix(".json"), let dash = text.firstIndex(of: "-"),
                let at = Moment(String(text[..<dash])),
                let passed = Self.endings.first(where: { text[dash...].hasPrefix($0.key) })?.value
            else { return nil }
            return Drill(at: at, passed: passed, file: folder.appending(name))
        }.sorted { ($0.at, $0.file.string) < ($1.at, $1.file.string) }
    }

    public var last: Drill? { all.last }
    public var lastPassed: Drill? { all.last(where: \.passed) }

    /// Returns the age of the last drill that passed; nil when there was none, and for one from the future, whose age
    /// is not known.
    public func age(at now: Moment) -> Int64? {
        guard let at = lastPassed?.at, at <= now + .seconds(60) else { return nil }
        return max(0, now.since(at).components.seconds)
    }

    /// Returns the message when the last drill that passed is older than the limit; nil when it is not.
    public func overdue(_ limit: TimeSpan, at now: Moment) -> String? {
        if let last, !last.passed { return "the last drill, on \(last.at), failed" }
        guard let age = age(at: now) else {
            return lastPassed.map { "the time of the last drill, \($0.at), is in the future" }
                ?? "no backup was ever drilled"
        }
        guard age > limit.seconds else { return nil }
        return "the last drill was \(ageText(age)) ago, the limit is \(limit)"
    }
}
