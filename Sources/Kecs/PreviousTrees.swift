// SPDX-License-Identifier: Apache-2.0
import KecsSystem
import SystemPackage

/// The trees that one restore or undo replaced: a folder in `.previous/`, and old trees that had to stay on file
/// systems of their own.
struct PreviousTrees: Sendable {
    let folder: FilePath

    /// Returns the record; nil when the folder holds none: then it is only rubbish.
    func record() throws -> Swap? {
        try Swap.record(in: folder)
    }

    /// Removes it for good. It is renamed first: a half-removed tree must not look like something that `undo` could
    /// restore.
    ///
    /// A failed removal changes nothing else. While an old tree on another file system stays, its record is kept in the
    /// instance's `.going/`, so that the removal is retried.
    ///
    /// - Parameters:
    ///   - instance: The instance's folder.
    ///   - cancellation: Leaves the removal to the next run.
    func remove(from instance: FilePath, _ cancellation: Cancellation?) throws {
        let name = folder.lastComponent?.string ?? ""
        guard !name.hasPrefix(".") else { return finish(instance, cancellation) }
        let going = try FreeName.first { number in
            let going = folder.removingLastComponent()
                .appending(".\(name).going" + (number > 1 ? "-\(number)" : ""))
            return try going.isPresent ? nil : going
        }
        do {
            try folder.rename(to: going)
            try going.removingLastComponent().sync()
        } catch let error as FileError where error.isRefused {
            // It is another user's, in a folder of another user's: it stays, and `undo` can still restore it.
            return
        }
        PreviousTrees(folder: going).finish(instance, cancellation)
    }

    /// Removes a renamed folder, of this run or of a killed one.
    private func finish(_ instance: FilePath, _ cancellation: Cancellation?) {
        var isGone = true
        // An unreadable record names nothing that could be removed.
        do { isGone = try removeOuterTrees(besides: instance, cancellation) } catch is Interrupted {
            return Remnants(in: instance).take(folder, isPostponed: true)
        } catch { isGone = true }
        if isGone {
            folder.discard(into: instance, cancellation)
        } else {
            Remnants(in: instance).take(folder)
        }
    }

    /// Removes the old trees that had to stay on file systems of their own.
    ///
    /// - Returns: True when nothing is left of them.
    func removeOuterTrees(besides instance: FilePath, _ cancellation: Cancellation?) throws -> Bool {
        try cancellation?.check()
        let place = PathBytes(instance)
        var isGone = true
        for unit in try record()?.units ?? [] {
            // With the instance: it is removed with the folder, wherever that was moved to.
            guard !unit.previous.bytes.isAt(orBelow: place) else { continue }
            let old = unit.previous.path
            if try old.removeWhatCanBe(cancellation) != nil { isGone = false }
            try old.removeEmptyFoldersOfOurs()
        }
        return isGone
    }
}
